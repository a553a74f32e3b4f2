namespace Skep.Manager;

/// <summary>The way into the replicated log.</summary>
public interface IProposer
{
    /// <summary>
    /// Completes when the entry is committed and applied to this manager's <see cref="State.StateStore"/>. Calls made one after the
    /// other are committed in that order.
    /// </summary>
    /// <exception cref="LeadershipLostException">It was not, and it is not known whether it ever will be.</exception>
    Task ProposeAsync(ReadOnlyMemory<byte> entry, CancellationToken cancellation);

    /// <summary>See <see cref="IManager.ReadBarrierAsync"/>.</summary>
    /// <exception cref="LeadershipLostException">No leader is known, or it did not answer: try again.</exception>
    Task ReadBarrierAsync(CancellationToken cancellation);
}

/// <summary>This manager is no longer the leader.</summary>
public sealed class LeadershipLostException(string message, Exception? inner = null) : Exception(message, inner);
