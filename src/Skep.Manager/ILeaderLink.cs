namespace Skep.Manager;

/// <summary>The way to whoever leads, for a manager that does not.</summary>
public interface ILeaderLink
{
    /// <summary>Has the leader take an input, and waits for its answer.</summary>
    /// <exception cref="InputNotTakenException">No leader is known, or it could not be reached, or it leads no more: certainly not done.</exception>
    /// <exception cref="ControlException">Refused; or Unavailable when the leader was lost meanwhile and the outcome is not known.</exception>
    Task<LeaderAnswer> SubmitAsync(Input input, CancellationToken cancellation);

    /// <summary>Completes when it is worth trying: a leader is known, or this manager leads.</summary>
    /// <exception cref="ControlException">Unavailable: there was none for some seconds.</exception>
    Task WaitForLeaderAsync(CancellationToken cancellation);
}

/// <summary>What the leader answered.</summary>
/// <param name="Value">The input's reply.</param>
/// <param name="Version">The state version in which its effect is seen.</param>
public readonly record struct LeaderAnswer(object? Value, ulong Version);

/// <summary>An input was certainly not done, since whoever was asked does not lead: it may be handed to the next leader.</summary>
public sealed class InputNotTakenException : Exception
{
    public InputNotTakenException(Exception? inner = null)
        : base("the manager that was asked does not lead the cluster", inner)
    {
    }
}
