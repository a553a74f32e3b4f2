namespace Skep.Manager;

/// <summary>The way into the replicated log.</summary>
public interface IProposer
{
    /// <summary>
    /// Completes when the entry is committed and applied to this manager's <see cref="State.StateStore"/>. Calls made one after the
    /// other are committed in that order.
    /// </summary>
    /// <exception cref="LeadershipLostException">It was not, as far as is known.</exception>
    Task ProposeAsync(ReadOnlyMemory<byte> entry, CancellationToken cancellation);

    /// <summary>See <see cref="IManager.ReadBarrierAsync"/>.</summary>
    /// <exception cref="LeadershipLostException">No leader is known, or it did not answer: try again.</exception>
    Task ReadBarrierAsync(CancellationToken cancellation);
}

/// <summary>This manager is no longer the leader.</summary>
/// <param name="message">What happened.</param>
/// <param name="outcomeUnknown">The entry may still be committed, by the next leader; false: it is certain that it will not be.</param>
/// <param name="inner">The cause.</param>
public sealed class LeadershipLostException(string message, bool outcomeUnknown, Exception? inner = null) : Exception(message, inner)
{
    public bool OutcomeUnknown { get; } = outcomeUnknown;
}
