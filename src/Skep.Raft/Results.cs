namespace Skep.Raft;

/// <summary>What became of a proposal.</summary>
public enum ProposalStatus : byte
{
    /// <summary>Appended to the leader's log. It may still be lost with the leader: only its commit at the given term and index counts.</summary>
    Accepted,

    /// <summary>We do not lead: send it to the leader.</summary>
    NotLeader,

    /// <summary>The leadership is being passed on: wait for the new leader.</summary>
    TransferInProgress,

    /// <summary>Too much waits to be committed: try again later.</summary>
    TooManyUncommitted,

    /// <summary>An earlier membership change is not applied yet: try again later.</summary>
    ConfChangePending,

    /// <summary>The change cannot be made: it would remove the last voter, or names nobody.</summary>
    Invalid,
}

/// <summary>The answer to a proposal. Term and Index name the entry when it was accepted, and are zero otherwise.</summary>
public readonly record struct Proposal(ProposalStatus Status, ulong Term = 0, ulong Index = 0)
{
    public bool Accepted => Status == ProposalStatus.Accepted;
}

/// <summary>What became of a read request.</summary>
public enum ReadIndexStatus : byte
{
    /// <summary>
    /// The answer comes as a <see cref="ReadState"/>, or never: it is lost when the leader changes or a message is. Ask again after a time-out.
    /// </summary>
    Accepted,

    /// <summary>No leader is known: try again later.</summary>
    NoLeader,

    /// <summary>Too many reads wait: try again later.</summary>
    TooManyPending,
}

/// <summary>A read may be answered from the state once Index is applied.</summary>
/// <param name="Index">Everything committed when the read was asked for lies at or below it.</param>
/// <param name="Context">The caller's bytes, as given to <see cref="RawNode.ReadIndex"/>.</param>
public readonly record struct ReadState(ulong Index, ReadOnlyMemory<byte> Context);

/// <summary>What became of a transfer of the leadership.</summary>
public enum TransferStatus : byte
{
    /// <summary>Under way, or passed on to the leader. Given up after ElectionTicks without success.</summary>
    Accepted,

    /// <summary>No leader is known.</summary>
    NoLeader,

    /// <summary>The target is no voter, or leads already.</summary>
    Invalid,
}

/// <summary>What became of a message.</summary>
public enum StepResult : byte
{
    /// <summary>Taken in, even if it was out of date and changed nothing.</summary>
    Handled,

    /// <summary>An answer from someone who is no member (any more); ignored.</summary>
    UnknownSender,

    /// <summary>Not for us, or its fields contradict each other; ignored.</summary>
    Malformed,
}
