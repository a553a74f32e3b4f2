namespace Skep.Raft;

/// <summary>
/// One member of a Raft group as a pure machine: it is told what happened (a tick, a message, a proposal) and says in
/// a <see cref="Ready"/> what is to be done. It does no I/O and knows no clock; not safe for use by several threads at once.
/// The same calls with the same <see cref="RaftConfig.Seed"/> give the same answers.
/// </summary>
public sealed class RawNode
{
    private readonly RaftCore _core;
    private HardState _lastHardState;
    private SoftState _lastSoftState;
    private Ready? _outstanding;

    // The candidacy whose own vote is being written with the outstanding Ready.
    private Election? _voteBeingWritten;

    /// <exception cref="ArgumentException">The configuration makes no sense.</exception>
    /// <exception cref="RaftException">The stored log contradicts itself.</exception>
    public RawNode(RaftConfig config, ILogView log)
    {
        config.Validate();
        var (hardState, snapshot) = log.InitialState();
        _core = new RaftCore(config, new RaftLog(log, hardState, snapshot), hardState, snapshot.Membership);
        _lastHardState = hardState;
        _lastSoftState = _core.SoftState;
    }

    /// <summary>One tick of the caller's clock has passed.</summary>
    public void Tick() => _core.Tick();

    /// <summary>Stand for election now. Does nothing on a leader or on one who may not lead.</summary>
    public void Campaign() => _core.Campaign();

    /// <summary>
    /// Append data to the replicated log. Only the leader can; nothing is forwarded. The memory must not be changed afterwards.
    /// </summary>
    public Proposal Propose(ReadOnlyMemory<byte> data) => _core.Leader?.Propose(data) ?? new Proposal(ProposalStatus.NotLeader);

    /// <summary>Change one member. Takes effect when the committed entry is given to <see cref="ApplyConfChange"/>.</summary>
    public Proposal ProposeConfChange(ConfChange change) =>
        _core.Leader?.ProposeConfChange(change) ?? new Proposal(ProposalStatus.NotLeader);

    /// <summary>Call for each committed <see cref="EntryKind.ConfChange"/> entry, in order, before <see cref="Advance"/>.</summary>
    /// <returns>The membership from now on.</returns>
    public Membership ApplyConfChange(ConfChange change)
    {
        _core.SwitchMembership(_core.Membership.With(change));
        return _core.Membership;
    }

    /// <summary>Take in a message of another member.</summary>
    /// <exception cref="RaftException">The message shows that committed entries were lost here or there.</exception>
    public StepResult Step(Message message) => _core.Step(message);

    /// <summary>Ask from which index on a read is up to date. The context must be unique among pending reads of this node.</summary>
    public ReadIndexStatus ReadIndex(ReadOnlyMemory<byte> context)
    {
        if (_core.Leader is { } leader)
            return leader.ReadIndex(_core.Id, context);
        if (_core.LeaderId == NodeId.None)
            return ReadIndexStatus.NoLeader;
        _core.Send(ToLeader(MessageType.ReadIndex) with { Context = context });
        return ReadIndexStatus.Accepted;
    }

    /// <summary>Pass the leadership on. On a follower the wish is sent to the leader.</summary>
    public TransferStatus TransferLeader(ulong target)
    {
        if (_core.Leader is { } leader)
            return leader.Transfer(target);
        if (_core.LeaderId == NodeId.None)
            return TransferStatus.NoLeader;
        if (target == _core.LeaderId || !_core.Membership.IsVoter(target))
            return TransferStatus.Invalid;
        _core.Send(ToLeader(MessageType.TransferLeader) with { Index = target });
        return TransferStatus.Accepted;
    }

    /// <summary>
    /// A message to this member could not be sent, or the connection to it broke. A leader stops sending ahead of its answers; a follower that lost its leader stands for
    /// election within a few ticks, unless it hears from it before.
    /// </summary>
    public void ReportUnreachable(ulong id)
    {
        _core.Leader?.ReportUnreachable(id);
        _core.LostConnection(id);
    }

    /// <summary>A snapshot sent to this member arrived, or failed. Always report one of both: until then it is sent nothing.</summary>
    public void ReportSnapshot(ulong id, bool succeeded) => _core.Leader?.ReportSnapshot(id, succeeded);

    /// <summary>As a follower: no longer believe in the leader, so that others may be given a vote before its lease runs out.</summary>
    public void ForgetLeader() => _core.ForgetLeader();

    /// <summary>Whether <see cref="GetReady"/> would return anything to do. False while a Ready is not advanced.</summary>
    public bool HasReady
    {
        get
        {
            if (_outstanding is not null)
                return false;
            _core.Leader?.SendAll();
            return !_core.Outbox.IsEmpty
                || _core.Log.HasNextUnstable
                || _core.Log.HasNextCommitted
                || _core.HardState != _lastHardState
                || _core.SoftState != _lastSoftState;
        }
    }

    /// <summary>What is to be done now. The next one can be had after <see cref="Advance"/> of this one.</summary>
    /// <exception cref="InvalidOperationException">The last one was not advanced.</exception>
    public Ready GetReady()
    {
        if (_outstanding is not null)
            throw new InvalidOperationException("the last Ready was not advanced");
        _core.Leader?.SendAll();

        var (hardState, softState) = (_core.HardState, _core.SoftState);
        var committed = _core.Log.NextCommitted(_core.Config.MaxCommittedBytes);
        var (entries, snapshot) = _core.Log.HandOutUnstable();
        var (messages, readStates) = _core.Outbox.TakeAll();
        _outstanding = new Ready
        {
            HardState = hardState != _lastHardState ? hardState : null,
            SoftState = softState != _lastSoftState ? softState : null,
            Entries = entries,
            Snapshot = snapshot,
            CommittedEntries = committed,
            Messages = messages,
            ReadStates = readStates,
            MustSync = entries.Length > 0 || snapshot is not null
                || hardState.Term != _lastHardState.Term || hardState.Vote != _lastHardState.Vote,
        };
        (_lastHardState, _lastSoftState) = (hardState, softState);
        _voteBeingWritten = _core.Role == Role.Candidate ? _core.Election : null;
        return _outstanding;
    }

    /// <summary>Everything the Ready asked for is done: persisted, handed to the transport, applied.</summary>
    /// <exception cref="InvalidOperationException">It is not the Ready that was handed out last.</exception>
    public void Advance(Ready ready)
    {
        if (ready != _outstanding)
            throw new InvalidOperationException("this Ready is not the one handed out last");
        _outstanding = null;

        if (ready.Snapshot is { } snapshot)
        {
            _core.Log.Installed(snapshot);
            // It may not name us: a member that was added after it was made learns that from the entries that follow.
            _core.SwitchMembership(snapshot.Membership);
        }
        if (ready.Entries.Count > 0)
            _core.Log.Persisted(ready.Entries[^1]);
        if (ready.CommittedEntries.Count > 0)
        {
            _core.Log.AppliedTo(ready.CommittedEntries[^1].Index);
            _core.Leader?.Applied(ready.CommittedEntries);
        }
        _core.Leader?.Persisted();
        if (_voteBeingWritten is { } election)
            _core.OwnVotePersisted(election);
    }

    /// <summary>Who leads and what we are, at this moment.</summary>
    public SoftState SoftState => _core.SoftState;

    /// <summary>Term, vote and commit at this moment; what of it is persisted, the caller knows.</summary>
    public HardState HardState => _core.HardState;

    /// <summary>Who belongs to the group as of the last change applied or snapshot installed.</summary>
    public Membership Membership => _core.Membership;

    /// <summary>Everything about the node at this moment; makes a new object each time.</summary>
    public Status Status => new()
    {
        Id = _core.Id,
        HardState = _core.HardState,
        SoftState = _core.SoftState,
        Applied = _core.Log.Applied,
        LastIndex = _core.Log.LastIndex,
        Membership = _core.Membership,
        TransferTarget = _core.Leader?.TransferTarget ?? NodeId.None,
        Peers = _core.Leader?.PeerStatus ?? [],
    };

    private Message ToLeader(MessageType type) => new() { Type = type, From = _core.Id, To = _core.LeaderId, Term = _core.Term };
}
