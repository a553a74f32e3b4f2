namespace Skep.Raft;

/// <summary>One leadership, from the won election to the loss of the role: proposals, commit, transfer and reads of its term.</summary>
internal sealed class Leader
{
    private readonly RaftCore _core;
    private readonly ProgressTracker _peers;
    private readonly Replicator _replicator;
    private readonly ReadOnlyRequests _reads;

    // A membership change may be proposed only when everything up to here is applied. Entries of earlier leaders count as possible changes.
    private ulong _pendingConfIndex;

    // Where our term begins in the log.
    private readonly ulong _firstIndex;

    // Size of what was proposed to us and is not applied yet.
    private ulong _uncommittedBytes;

    private int _heartbeatElapsed;
    private bool _heartbeatDue;

    public Leader(RaftCore core)
    {
        _core = core;
        _peers = new ProgressTracker(core);
        _replicator = new Replicator(core, _peers);
        _reads = new ReadOnlyRequests(core.Config.MaxPendingReads);
        _pendingConfIndex = core.Log.LastIndex;
        _firstIndex = core.Log.LastIndex + 1;
        _peers.Follow(core.Membership, _firstIndex, active: false);
    }

    /// <summary>Whom the leadership is being passed to; no proposals are taken meanwhile, so that it can catch up.</summary>
    public ulong TransferTarget { get; private set; }

    public IReadOnlyList<PeerStatus> PeerStatus => _peers.Status();

    private RaftLog Log => _core.Log;

    /// <summary>
    /// An empty entry of the own term: only with it can entries of earlier terms be committed (Raft paper, 5.4.2), and only
    /// then does the leader know what is.
    /// </summary>
    public void BeginTerm() => Append(EntryKind.Normal, default);

    public Proposal Propose(ReadOnlyMemory<byte> data) => Propose(EntryKind.Normal, data);

    public Proposal ProposeConfChange(ConfChange change)
    {
        if (!change.IsValid || RemovesLastVoter(change))
            return new Proposal(ProposalStatus.Invalid);
        if (_pendingConfIndex > Log.Applied)
            return new Proposal(ProposalStatus.ConfChangePending);
        var proposal = Propose(EntryKind.ConfChange, change.Encode());
        if (proposal.Accepted)
            _pendingConfIndex = proposal.Index;
        return proposal;
    }

    public void Tick()
    {
        if (++_heartbeatElapsed < _core.Config.HeartbeatTicks)
            return;
        _heartbeatElapsed = 0;
        _heartbeatDue = true;
    }

    /// <summary>Whether a majority was heard from since the last time, and starts over.</summary>
    public bool CheckQuorum()
    {
        var active = _peers.QuorumActive;
        _peers.MarkAllInactive();
        return active;
    }

    public void GiveUpTransfer() => TransferTarget = NodeId.None;

    /// <summary>Sends what is owed; called before each Ready.</summary>
    public void SendAll()
    {
        if (_heartbeatDue)
            _replicator.SendHeartbeats(_reads.Mark);
        _heartbeatDue = false;
        _replicator.SendAll();
    }

    /// <summary>Takes the messages only a leader has a use for.</summary>
    public StepResult Take(Message message)
    {
        switch (message.Type)
        {
            case MessageType.ReadIndex:
                ReadIndex(message.From, message.Context);
                return StepResult.Handled;
            case MessageType.TransferLeader:
                Transfer(message.Index);
                return StepResult.Handled;
        }
        if (_peers[message.From] is not { } progress)
            return StepResult.UnknownSender;
        switch (message.Type)
        {
            case MessageType.AppendResponse:
                if (message.Index > Log.LastIndex)
                    return StepResult.Malformed;
                if (_replicator.TakeAppendResponse(message, progress))
                    Advanced(message.From, progress);
                break;
            case MessageType.HeartbeatResponse:
                _replicator.TakeHeartbeatResponse(progress);
                _reads.Acknowledge(message.From, message.Context);
                AnswerReads();
                break;
        }
        return StepResult.Handled;
    }

    public ReadIndexStatus ReadIndex(ulong from, ReadOnlyMemory<byte> context)
    {
        if (_reads.Full)
            return ReadIndexStatus.TooManyPending;
        if (!HasCommittedOwn)
        {
            _reads.Park(from, context);
            return ReadIndexStatus.Accepted;
        }
        _reads.Add(from, context, Log.Committed);
        ConfirmReads();
        return ReadIndexStatus.Accepted;
    }

    public TransferStatus Transfer(ulong target)
    {
        if (target == _core.Id || !_core.Membership.IsVoter(target) || _peers[target] is not { } progress)
            return TransferStatus.Invalid;
        if (TransferTarget == target)
            return TransferStatus.Accepted;
        TransferTarget = target;
        _core.TransferStarted();
        if (progress.Match == Log.LastIndex)
            SendTimeoutNow();
        else
            progress.ProbeWanted = true;
        return TransferStatus.Accepted;
    }

    public void ReportUnreachable(ulong id)
    {
        if (_peers[id] is { } progress)
            Replicator.ReportUnreachable(progress);
    }

    public void ReportSnapshot(ulong id, bool succeeded)
    {
        if (_peers[id] is { } progress)
            Replicator.ReportSnapshot(progress, succeeded);
    }

    /// <summary>More of the log is on our own disk.</summary>
    public void Persisted() => TryCommit();

    public void Applied(IReadOnlyList<Entry> entries)
    {
        foreach (var entry in entries.Where(entry => entry.Index > _firstIndex))
            _uncommittedBytes -= entry.Size;
    }

    public void MembershipChanged()
    {
        // At least the last entry is sent to newcomers, so that they are probed at once and not at the next proposal.
        _peers.Follow(_core.Membership, Math.Max(Log.LastIndex, 1), active: true);
        if (!_core.Membership.IsVoter(TransferTarget))
            GiveUpTransfer();
        // The majority may be smaller now, and reached.
        TryCommit();
        AnswerReads();
    }

    private bool HasCommittedOwn => Log.Matches(Log.Committed, _core.Term);

    private bool RemovesLastVoter(ConfChange change) =>
        change.Kind != ConfChangeKind.AddVoter && _core.Membership.Voters.All(id => id == change.NodeId);

    private Proposal Propose(EntryKind kind, ReadOnlyMemory<byte> data)
    {
        if (TransferTarget != NodeId.None)
            return new Proposal(ProposalStatus.TransferInProgress);
        var size = (ulong)data.Length + Entry.Overhead;
        if (_uncommittedBytes > 0 && _uncommittedBytes + size > _core.Config.MaxUncommittedBytes)
            return new Proposal(ProposalStatus.TooManyUncommitted);
        _uncommittedBytes += size;
        return new Proposal(ProposalStatus.Accepted, _core.Term, Append(kind, data));
    }

    private ulong Append(EntryKind kind, ReadOnlyMemory<byte> data)
    {
        var entry = new Entry(_core.Term, Log.LastIndex + 1, kind, data);
        Log.Append(entry);
        return entry.Index;
    }

    private void Advanced(ulong id, Progress progress)
    {
        TryCommit();
        if (id == TransferTarget && progress.Match == Log.LastIndex)
            SendTimeoutNow();
    }

    private void TryCommit()
    {
        var index = _peers.QuorumMatch;
        // An entry of an earlier term on a majority's disks is not safe yet: a later leader may still replace it. One of ours
        // commits all before it.
        if (index <= Log.Committed || !Log.Matches(index, _core.Term))
            return;
        Log.CommitTo(index);
        if (_reads.Unpark(Log.Committed))
            ConfirmReads();
    }

    // Asks the others whether we still lead, and answers at once what needs nobody else.
    private void ConfirmReads()
    {
        _heartbeatDue = true;
        AnswerReads();
    }

    private void AnswerReads()
    {
        foreach (var (from, read) in _reads.TakeConfirmed(_core.Membership, _core.Id))
        {
            if (from == _core.Id)
                _core.Outbox.ReadStates.Add(read);
            else
                _core.Send(To(from, MessageType.ReadIndexResponse) with { Index = read.Index, Context = read.Context });
        }
    }

    private void SendTimeoutNow() => _core.Send(To(TransferTarget, MessageType.TimeoutNow));

    private Message To(ulong id, MessageType type) => new() { Type = type, From = _core.Id, To = id, Term = _core.Term };
}
