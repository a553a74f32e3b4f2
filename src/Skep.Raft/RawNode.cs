namespace Skep.Raft;

/// <summary>
/// One member of a Raft group as a pure machine: it is told what happened (a tick, a message, a proposal) and says in
/// a <see cref="Ready"/> what is to be done. It does no I/O and knows no clock; not safe for use by several threads at once.
/// The same calls with the same <see cref="RaftConfig.Seed"/> give the same answers.
/// </summary>
public sealed class RawNode
{
    /// <exception cref="ArgumentException">The configuration makes no sense.</exception>
    /// <exception cref="RaftException">The stored log contradicts itself.</exception>
    public RawNode(RaftConfig config, ILogView log) => throw new NotImplementedException();

    /// <summary>One tick of the caller's clock has passed.</summary>
    public void Tick() => throw new NotImplementedException();

    /// <summary>Stand for election now. Does nothing on a leader or on one who may not lead.</summary>
    public void Campaign() => throw new NotImplementedException();

    /// <summary>Append data to the replicated log. Only the leader can; nothing is forwarded.</summary>
    public Proposal Propose(ReadOnlyMemory<byte> data) => throw new NotImplementedException();

    /// <summary>Change one member. Takes effect when the committed entry is given to <see cref="ApplyConfChange"/>.</summary>
    public Proposal ProposeConfChange(ConfChange change) => throw new NotImplementedException();

    /// <summary>Call for each committed <see cref="EntryKind.ConfChange"/> entry, in order, before <see cref="Advance"/>.</summary>
    public Membership ApplyConfChange(ConfChange change) => throw new NotImplementedException();

    /// <summary>Take in a message of another member.</summary>
    /// <exception cref="RaftException">The message shows that committed entries were lost here or there.</exception>
    public StepResult Step(Message message) => throw new NotImplementedException();

    /// <summary>Ask from which index on a read is up to date. The context must be unique among pending reads of this node.</summary>
    public ReadIndexStatus ReadIndex(ReadOnlyMemory<byte> context) => throw new NotImplementedException();

    /// <summary>Pass the leadership on. On a follower the wish is sent to the leader.</summary>
    public TransferStatus TransferLeader(ulong target) => throw new NotImplementedException();

    /// <summary>A message to this member could not be sent: stop sending ahead of its answers.</summary>
    public void ReportUnreachable(ulong id) => throw new NotImplementedException();

    /// <summary>A snapshot sent to this member arrived, or failed. Always report one of both: until then it is sent nothing.</summary>
    public void ReportSnapshot(ulong id, bool succeeded) => throw new NotImplementedException();

    /// <summary>As a follower: no longer believe in the leader, so that others may be given a vote before its lease runs out.</summary>
    public void ForgetLeader() => throw new NotImplementedException();

    /// <summary>Whether <see cref="GetReady"/> would return anything to do.</summary>
    public bool HasReady => throw new NotImplementedException();

    /// <summary>What is to be done now. The next one can be had after <see cref="Advance"/> of this one.</summary>
    /// <exception cref="InvalidOperationException">The last one was not advanced.</exception>
    public Ready GetReady() => throw new NotImplementedException();

    /// <summary>Everything the Ready asked for is done: persisted, handed to the transport, applied.</summary>
    public void Advance(Ready ready) => throw new NotImplementedException();

    public Status Status => throw new NotImplementedException();
}
