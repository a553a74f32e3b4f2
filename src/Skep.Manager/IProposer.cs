namespace Skep.Manager;

/// <summary>The way into the replicated log.</summary>
public interface IProposer
{
    /// <summary>For the turns of one term of leadership, each of which rests on those before it.</summary>
    IProposalSequence BeginSequence();

    /// <summary>False while the state here has all that was ever acknowledged without asking anyone: this manager leads, and there is no other.</summary>
    bool NeedsReadBarrier => true;

    /// <summary>See <see cref="IManager.ReadBarrierAsync"/>.</summary>
    /// <exception cref="LeadershipLostException">No leader is known, or it did not answer: try again.</exception>
    Task ReadBarrierAsync(CancellationToken cancellation);
}

/// <summary>Entries that rest on each other: after one that was refused or lost, no later one is committed.</summary>
public interface IProposalSequence
{
    /// <summary>
    /// Completes when the entry is committed and applied to this manager's <see cref="State.StateStore"/>. Calls made one after the
    /// other are committed in that order.
    /// </summary>
    /// <param name="entry">A <see cref="State.Batch"/>.</param>
    /// <param name="made">What it did to the working state; null: the batch shall be applied as on every other manager.</param>
    /// <param name="cancellation">Ends the waiting only.</param>
    /// <exception cref="LeadershipLostException">It was not, as far as is known.</exception>
    Task ProposeAsync(ReadOnlyMemory<byte> entry, State.BatchChanges? made, CancellationToken cancellation);
}

/// <summary>This manager is no longer the leader.</summary>
/// <param name="message">What happened.</param>
/// <param name="outcomeUnknown">The entry may still be committed, by the next leader; false: it is certain that it will not be.</param>
/// <param name="inner">The cause.</param>
public sealed class LeadershipLostException(string message, bool outcomeUnknown, Exception? inner = null) : Exception(message, inner)
{
    public bool OutcomeUnknown { get; } = outcomeUnknown;
}
