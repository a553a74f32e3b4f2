using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// Drives the core: feeds it, and does what it asks for. One caller at a time; no threads, timers or waiting in here,
/// so a simulation can run it step by step. After an exception from <see cref="Process"/> only <see cref="Fail"/> may follow.
/// </summary>
internal sealed class ReplicaLoop
{
    private ReplicaOptions _options;
    private readonly IStateMachine _machine;
    private readonly ITransport? _transport;
    private readonly ILogger _logger;
    private readonly LogStore _store;
    private readonly RawNode _node;
    private readonly Action<SnapshotMetadata, ISnapshotWriter> _writeInBackground;
    private readonly PendingProposals _proposals = new();
    private readonly PendingReads _reads = new();
    private Exception? _failure;

    // Written by the loop, read by anybody.
    private ulong _term;
    private ulong _leaderId;
    private ulong _lastApplied;
    private ulong _announcedTerm; // of the leadership announced and not yet revoked, or 0
    private volatile Membership _membership = Membership.Empty;

    private long _tick;
    private bool _snapshotUnderWay;
    private bool _resealDue; // the cipher changed: a snapshot is due whatever was applied since the last
    private ulong _snapshotNotBefore; // after a failure: wait for some entries before trying again
    private long _bytesSinceSnapshot;
    private long _snapshotBytes; // of the newest snapshot

    /// <param name="writeInBackground">Writes a captured state with <see cref="LogStore.WriteSnapshot"/> and then calls <see cref="SnapshotFinished"/>.</param>
    public ReplicaLoop(
        ReplicaOptions options, IStateMachine machine, ITransport? transport, LogStore store,
        Action<SnapshotMetadata, ISnapshotWriter> writeInBackground, ILogger logger)
    {
        _options = options;
        _machine = machine;
        _transport = transport;
        _store = store;
        _writeInBackground = writeInBackground;
        _logger = logger;
        _resealDue = store.IsResealing;
        store.Resealed = OnResealed;
        if (store.Snapshot.Index > 0)
            RestoreFromSnapshot();
        Membership = store.Snapshot.Membership;
        Term = store.HardState.Term;
        var config = new RaftConfig
        {
            Id = options.NodeId,
            ElectionTicks = options.ElectionTicks,
            HeartbeatTicks = options.HeartbeatTicks,
            Seed = options.Seed,
            MaxUncommittedBytes = options.MaxUncommittedBytes,
        };
        _node = new RawNode(config, store);
    }

    public ulong Term
    {
        get => Volatile.Read(ref _term);
        private set => Volatile.Write(ref _term, value);
    }

    public Role Role { get; private set; }

    /// <summary>Who leads, or 0.</summary>
    public ulong LeaderId
    {
        get => Volatile.Read(ref _leaderId);
        private set => Volatile.Write(ref _leaderId, value);
    }

    /// <summary>Whether we lead and the state is up to date; see <see cref="ReplicaOptions.LeadershipChanged"/>.</summary>
    public bool IsLeader => Volatile.Read(ref _announcedTerm) != 0;

    public ulong LastApplied
    {
        get => Volatile.Read(ref _lastApplied);
        private set => Volatile.Write(ref _lastApplied, value);
    }

    public Membership Membership
    {
        get => _membership;
        private set => _membership = value;
    }

    /// <summary>Writes of the log so far.</summary>
    public long Appends { get; private set; }

    /// <summary>Whether time matters: not to a leader without followers.</summary>
    public bool NeedsTicks => Role != Role.Leader || !IsAlone;

    public Status Status => _node.Status;

    /// <summary>
    /// Whether what is applied here is all that was ever acknowledged. Readable by anybody: a second member is sent nothing before it is a member here, and
    /// nothing of another leader's is taken in before ours has ended.
    /// </summary>
    public bool LeadsAlone => IsLeader && IsAlone;

    private bool IsAlone => Membership is { Learners.Count: 0, Voters: [var only] } && only == _options.NodeId;

    /// <summary>Applies what is known to be committed. A member that is alone leads at once: there is nobody to wait for.</summary>
    public void Start()
    {
        _store.FinishResealing();
        Process();
        if (IsAlone)
        {
            _node.Campaign();
            Process();
        }
        TakeSnapshotIfDue();
    }

    /// <param name="sequence">What the proposal rests on; null: on nothing.</param>
    /// <param name="note">For <see cref="IStateMachine.ApplyOwn"/>, if the entry is applied here while this member leads.</param>
    public void Propose(ReadOnlyMemory<byte> data, TaskCompletionSource<ulong> completion, ProposalSequence? sequence = null, object? note = null)
    {
        if (sequence?.MayGoOn(Term) == false)
        {
            PendingProposals.Fail(completion, new ProposalDroppedException("an earlier proposal that this one rests on was refused"));
            return;
        }
        var proposal = _failure is null ? _node.Propose(data) : default;
        sequence?.Proposed(proposal.Accepted, proposal.Term);
        Accept(proposal, completion, note);
    }

    public void ProposeConfChange(ConfChange change, TaskCompletionSource<ulong> completion) =>
        Accept(_failure is null ? _node.ProposeConfChange(change) : default, completion, note: null);

    /// <summary>Completes with the index that had to be applied.</summary>
    public void ReadIndex(TaskCompletionSource<ulong> completion)
    {
        if (_failure is not null)
        {
            completion.TrySetException(Stopped());
            return;
        }
        var context = _reads.Add(_tick, _node.SoftState.LeaderId, completion);
        switch (_node.ReadIndex(context))
        {
            case ReadIndexStatus.NoLeader:
                _reads.Refuse(context, new NotLeaderException(0));
                break;
            case ReadIndexStatus.TooManyPending:
                _reads.Refuse(context, new NotLeaderException(LeaderId, "too many reads wait for the raft leader"));
                break;
        }
    }

    public TransferStatus TransferLeader(ulong target) => _failure is null ? _node.TransferLeader(target) : TransferStatus.NoLeader;

    public void Step(Message message)
    {
        if (_failure is not null)
            return;
        var result = _node.Step(message);
        if (result != StepResult.Handled)
            _logger.LogDebug("log: ignored {Type} from {From:x}: {Result}", message.Type, message.From, result);
    }

    /// <summary>Takes in a message whose snapshot was received and stored.</summary>
    public void StepSnapshot(Message message)
    {
        if (_failure is not null)
            return;
        Step(message);
        Process();
        _store.DiscardReceived(message.Snapshot!);
    }

    public void ReportUnreachable(ulong id)
    {
        if (_failure is null)
            _node.ReportUnreachable(id);
    }

    public void ReportSnapshot(ulong id, bool succeeded)
    {
        if (_failure is null)
            _node.ReportSnapshot(id, succeeded);
    }

    public void Tick()
    {
        if (_failure is not null)
            return;
        _tick++;
        _node.Tick();
        _reads.Expire(_tick - (2 * _options.ElectionTicks), () => new NotLeaderException(LeaderId, "the raft leader did not answer a read in time"));
    }

    /// <summary>Changes what may be changed while running: when snapshots are taken and what is kept beside them.</summary>
    public void Configure(ulong snapshotInterval, int keepOldSnapshots, ulong logEntriesForSlowFollowers)
    {
        var log = _options.Log with { KeepOldSnapshots = keepOldSnapshots, LogEntriesForSlowFollowers = logEntriesForSlowFollowers };
        _options = _options with { SnapshotInterval = snapshotInterval, Log = log };
        _store.Options = log;
    }

    /// <summary>Seals with another cipher from now on, and as soon as possible what is on disk.</summary>
    public void ChangeCipher(IRecordCipher cipher)
    {
        if (_failure is not null)
            return;
        _resealDue = true;
        _store.ChangeCipher(cipher);
        TakeSnapshotIfDue();
    }

    /// <summary>Nothing was written for a while.</summary>
    public void Idle()
    {
        if (_failure is null)
            _store.Idle();
    }

    /// <summary>The background is done with a snapshot, well or not.</summary>
    public void SnapshotFinished(SnapshotMetadata metadata, Exception? failure)
    {
        _snapshotUnderWay = false;
        if (_failure is not null)
            return;
        if (failure is null)
        {
            _store.SnapshotWritten(metadata);
            _snapshotBytes = _store.SnapshotBytes();
            TakeSnapshotIfDue(); // the cipher may have changed once more
            return;
        }

        // Nothing that was acknowledged depends on it: the log goes on, and it is tried again.
        _resealDue = _store.IsResealing;
        _snapshotNotBefore = LastApplied + Math.Max(1, _options.SnapshotInterval / 10);
        LogMetrics.SnapshotFailures.Inc();
        _logger.LogError("log: the snapshot of entry {Index} could not be written: {Reason}; it is tried again later", metadata.Index, failure.Message);
    }

    /// <summary>Does everything the core asks for, until it asks for nothing.</summary>
    public void Process()
    {
        if (_failure is not null)
            return;
        while (_node.HasReady)
            Handle(_node.GetReady());
    }

    /// <summary>Writes what may be written late; the last call of a replica that did not fail.</summary>
    public void Close()
    {
        _failure ??= new ReplicaStoppedException("the replica is closed");
        _store.Close();
        Revoke();
        FailPending();
    }

    /// <summary>Nothing more is done; whoever waits or comes later is told why.</summary>
    public void Fail(Exception failure)
    {
        _failure = failure;
        Revoke();
        FailPending();
    }

    private void Handle(Ready ready)
    {
        // A message that promises nothing about our disk is on its way while the disk works.
        Send(ready.Messages, awaitsPersistence: false);
        if (ready.MustSync || ready.Entries.Count > 0 || ready.Snapshot is not null)
            Appends++;
        _store.Persist(ready);
        Send(ready.Messages, awaitsPersistence: true);

        if (ready.HardState is { } hardState)
            Term = hardState.Term;
        if (ready.SoftState is { } softState)
        {
            Role = softState.Role;
            if (LeaderId != softState.LeaderId)
            {
                LeaderId = softState.LeaderId;
                _options.LeaderChanged?.Invoke(LeaderId);
            }
        }

        // Revoked before anything of the next leader is applied; own entries that are committed nevertheless still succeed below.
        var lost = Role != Role.Leader || (_announcedTerm != 0 && _announcedTerm != Term);
        if (lost)
            Revoke();
        if (ready.Snapshot is { } snapshot)
        {
            Membership = snapshot.Membership;
            RestoreFromSnapshot();
        }
        foreach (var entry in ready.CommittedEntries)
            Apply(entry);
        if (lost)
            _proposals.FailAll(PendingProposals.LeadershipLost);
        foreach (var read in ready.ReadStates)
            _reads.Known(read.Context, read.Index);
        if (ready.SoftState is not null)
            _reads.LeaderIs(LeaderId, () => new NotLeaderException(LeaderId, "the raft leader that was asked for a read leads no more"));
        _reads.Applied(LastApplied);
        _node.Advance(ready);
        _store.Applied(LastApplied);
        TakeSnapshotIfDue();
    }

    private void Apply(Entry entry)
    {
        if (entry.Kind == EntryKind.ConfChange)
        {
            var change = ConfChange.Decode(entry.Data);
            Membership = _node.ApplyConfChange(change);
            _logger.LogInformation("log: raft membership is now {Membership}", Membership);
            _options.MembershipChanged?.Invoke(change, Membership);
        }
        else if (_proposals.NoteOf(entry.Index, entry.Term) is { } note)
        {
            _machine.ApplyOwn(entry.Index, entry.Data, note);
        }
        else if (!entry.Data.IsEmpty)
        {
            _machine.Apply(entry.Index, entry.Data);
        }
        LastApplied = entry.Index;
        _bytesSinceSnapshot += entry.Data.Length;
        LogMetrics.EntriesCommitted.Inc();
        LogMetrics.EntriesApplied.Inc();
        if (Role == Role.Leader && entry.Term == Term && _announcedTerm == 0)
        {
            Volatile.Write(ref _announcedTerm, Term);
            _logger.LogInformation("log: raft member {Id:x} leads in term {Term}", _options.NodeId, Term);
            _options.LeadershipChanged?.Invoke(true, Term);
        }
        _proposals.Applied(entry.Index, entry.Term);
    }

    private void Accept(Proposal proposal, TaskCompletionSource<ulong> completion, object? note)
    {
        if (_failure is null && proposal.Accepted)
        {
            _proposals.Add(proposal.Index, proposal.Term, completion, note);
            return;
        }
        PendingProposals.Fail(completion, _failure is not null ? Stopped() : proposal.Status switch
        {
            ProposalStatus.NotLeader => new NotLeaderException(LeaderId),
            ProposalStatus.TransferInProgress => new ProposalDroppedException("the raft leadership is being passed on"),
            ProposalStatus.TooManyUncommitted => new ProposalDroppedException("too much is proposed and not yet committed"),
            ProposalStatus.ConfChangePending => new ProposalDroppedException("an earlier change of the raft membership is not applied yet"),
            _ => new ProposalDroppedException("the change of the raft membership cannot be made"),
        });
    }

    private void Send(IReadOnlyList<Message> messages, bool awaitsPersistence)
    {
        if (_transport is null || messages.Count == 0)
            return;
        List<Message> part = [.. messages.Where(m => m.AwaitsPersistence == awaitsPersistence)];
        if (part.Count > 0)
            _transport.Send(part);
    }

    private void RestoreFromSnapshot()
    {
        using var content = _store.OpenSnapshot(_store.Snapshot);
        _machine.Restore(_store.Snapshot.Index, content);
        LastApplied = _store.Snapshot.Index;
        _bytesSinceSnapshot = 0;
        _snapshotBytes = _store.SnapshotBytes();
        _logger.LogInformation("log: restored the state from the snapshot of entry {Index}", LastApplied);
    }

    private void TakeSnapshotIfDue()
    {
        var entries = LastApplied - _store.Snapshot.Index;
        // As much again as the last snapshot: a state that grows is written a few times only, and a restart never replays more than it reads.
        var bytes = Math.Max(_options.SnapshotBytes, _snapshotBytes);
        var due = _resealDue || (entries > 0 && (entries >= _options.SnapshotInterval || _bytesSinceSnapshot >= bytes));
        if (!due || _snapshotUnderWay || LastApplied == 0 || LastApplied < _snapshotNotBefore)
            return;
        _snapshotUnderWay = true;
        _resealDue = false;
        _bytesSinceSnapshot = 0;
        var started = Stopwatch.GetTimestamp();
        var captured = _machine.CaptureSnapshot();
        _logger.LogDebug("log: captured the state at entry {Index} in {Duration}", LastApplied, Stopwatch.GetElapsedTime(started));
        _writeInBackground(new SnapshotMetadata(LastApplied, _store.Term(LastApplied), Membership), captured);
    }

    private void OnResealed(IRecordCipher cipher)
    {
        _resealDue = false;
        _logger.LogInformation("log: everything on disk is sealed with key {Key:x16}", cipher.KeyId);
        _options.OlderCiphersUnused?.Invoke(cipher);
    }

    private void Revoke()
    {
        if (_announcedTerm == 0)
            return;
        var term = _announcedTerm;
        Volatile.Write(ref _announcedTerm, 0);
        _logger.LogInformation("log: raft member {Id:x} leads no more in term {Term}", _options.NodeId, term);
        _options.LeadershipChanged?.Invoke(false, term);
    }

    private void FailPending()
    {
        _proposals.FailAll(() => new ProposalDroppedException($"the replica stopped before the outcome was known: {_failure!.Message}", outcomeUnknown: true));
        _reads.FailAll(Stopped);
    }

    private ReplicaStoppedException Stopped() => new($"the replica is stopped: {_failure!.Message}", _failure);
}
