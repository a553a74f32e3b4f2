using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Daemon.Swarm;
using Skep.Dispatch;
using Skep.Dispatch.Leader;
using Skep.Log;
using Skep.Manager;
using Skep.Raft;
using Skep.State;
using Skep.Storage;

namespace Skep.Simulation.Managers;

/// <summary>
/// One run of a skepd, put together as <c>RunningManager</c> and <c>ClusterServer</c> do, of the same parts: log, raft, state, loop with
/// its rules, leadership, membership, link to the leader, dispatcher. Only the thread, the clock, the disk, the network and the random
/// numbers are the simulation's.
/// </summary>
internal sealed class ManagerProcess : ITransport, IReplica
{
    private readonly World _world;
    private readonly ManagerHost _host;
    private readonly TimeProvider _time;
    private readonly SnapshotTransfer _snapshots;
    private readonly Leadership _leadership;
    private LogStore? _log;
    private ReplicaLoop? _loop;

    public ManagerProcess(World world, ManagerHost host)
    {
        _world = world;
        _host = host;
        _time = host.Clock.ForProcess(() => IsAlive);
        var random = host.Random;
        var options = world.Options.Dispatch;
        Self = new ManagerSelf(host.ManagerId, random.Next().ToString(CultureInfo.InvariantCulture));
        Thread = new ReplicaThread(world, host, this);
        _snapshots = new SnapshotTransfer(world, host, this);
        Hash = new StateHash();
        Locator = new LeaderLocator(world, host, this);
        var proposer = world.Seams.Proposer(new ThreadProposer(this));
        Service = new ManagerService(
            Self, Store, proposer, ManagerRules.Create, () => NextSeed(random), _time, NullLogger<ManagerService>.Instance, new LeaderLink(Locator, _time));
        Service.Failed += fault => world.Loop.Fail("managers do not stop by themselves", $"{host.Name}: {fault}");
        Store.SubscriberFailed += fault => world.Loop.Fail("no listener of the state fails", $"{host.Name}: {fault}");
        Store.Subscribe(Hash.Update, () => Store.Read(state =>
        {
            Hash.Reset(state);
            return 0;
        }));
        _leadership = new Leadership(Service, _time, NullLogger.Instance);
        Leader = new LeaderService(Service);
        Sessions = new NodeSessions(Service, options, _time, new Random(random.Next()), NullLogger<NodeSessions>.Instance);
        _ = new CutOff(Locator, Sessions, _time, NullLogger<CutOff>.Instance);
        _ = new UnheldSessions(Locator, Service, Sessions, _time);
        Feeds = new NodeFeeds(Store);
        Balance = new SessionBalance(Service, Sessions, Feeds, options, _time, NullLogger<SessionBalance>.Instance);
        Statuses = new StatusIntake(world.Seams.StatusIntake(Service), options, _time, NullLogger<StatusIntake>.Instance);
        Dispatcher = new DispatcherService(world.Seams.Dispatcher(Service), Sessions, Feeds, Statuses, () => true, options, _time, NullLogger<DispatcherService>.Instance);
    }

    public ManagerSelf Self { get; }

    public bool IsAlive { get; private set; } = true;

    public StateStore Store { get; } = new();

    public StateHash Hash { get; }

    public LeaderLocator Locator { get; }

    public ManagerService Service { get; }

    public LeaderService Leader { get; }

    public NodeSessions Sessions { get; }

    public NodeFeeds Feeds { get; }

    public SessionBalance Balance { get; }

    public StatusIntake Statuses { get; }

    public DispatcherService Dispatcher { get; }

    public ReplicaThread Thread { get; }

    public ReplicaLoop Loop => _loop!;

    public LogStore Log => _log!;

    public bool IsLeader => Loop.IsLeader;

    public ulong LeaderId => Loop.LeaderId;

    public Membership Membership => Loop.Membership;

    /// <summary>Opens the log and brings the state up to it.</summary>
    public void Open(ReplicaStart start)
    {
        var random = _host.Random;
        var machine = new WitnessedMachine(_world, _host, this, _world.Seams.Machine(new SwarmStateMachine(Store), _host));
        var options = new ReplicaOptions
        {
            Directory = "/raft",
            NodeId = _host.RaftId,
            Start = start,
            Files = _world.Seams.Files(_host.Disk),
            Cipher = PlainRecordCipher.Instance,
            Seed = random.Next(),
            NewFileId = () => (ulong)random.NextInt64(),
            TickInterval = _world.Options.TickInterval,
            SnapshotInterval = _world.Options.SnapshotInterval,
            Log = new LogOptions { SegmentBytes = 16 << 10, LogEntriesForSlowFollowers = 20, KeepOldSnapshots = _world.Options.KeepOldSnapshots },
            LeadershipChanged = (leads, term) =>
            {
                _world.Trace.Note($"{_host.Name} {(leads ? "leads in" : "leads no more in")} term {term}");
                _leadership.OnChanged(leads, term);
            },
            LeaderChanged = Locator.SetLeader,
        };
        _log = LogStoreOpener.Start(options, machine, NullLogger.Instance);
        _loop = new ReplicaLoop(options, machine, this, _log, _snapshots.WriteInBackground, _world.Logger(_host.Name));
    }

    /// <summary>Takes part.</summary>
    public void Begin()
    {
        _leadership.Start(this);
        _ = new MembershipKeeper(Service, this, _leadership, _time, NullLogger.Instance);
        Thread.Post(Loop.Start);
        _time.CreateTimer(_ => Thread.Post(Loop.Tick), null, _world.Options.TickInterval, _world.Options.TickInterval);
        _world.Loop.Start(ReportAsync);
    }

    /// <summary>Nothing of this process happens any more.</summary>
    public void Die()
    {
        IsAlive = false;
        _log?.Dispose();
    }

    public void Send(IReadOnlyList<Message> messages)
    {
        foreach (var message in messages.Select(_world.Seams.Outgoing))
        {
            if (_world.HostOf(message.To) is not { } to)
                continue;
            if (message.Type == MessageType.Snapshot)
            {
                _snapshots.Send(to, message);
                continue;
            }
            var sent = _world.Network.Send(_host.Number, to.Number, () =>
            {
                if (to.Process is { } process && to.RaftId == message.To)
                    process.Receive(message);
            });
            if (!sent)
                Thread.Post(() => Loop.ReportUnreachable(message.To));
        }
    }

    public void Receive(Message message)
    {
        var incoming = _world.Seams.Incoming(message);
        Thread.Post(() => Loop.Step(incoming));
    }

    public Task<Status> StatusAsync(CancellationToken cancellation = default) => Ask<Status>(completion => completion.TrySetResult(Loop.Status), cancellation);

    public Task<ulong> ChangeMembershipAsync(ConfChange change, CancellationToken cancellation = default) =>
        Ask<ulong>(completion => Loop.ProposeConfChange(change, completion), cancellation);

    public Task<TransferStatus> TransferLeaderAsync(ulong target, CancellationToken cancellation = default) =>
        Ask<TransferStatus>(completion => completion.TrySetResult(Loop.TransferLeader(target)), cancellation);

    /// <summary>Looks at the member after it has worked.</summary>
    public void AfterTurn() => _world.Leaders.Look(_host, Loop);

    private Task<T> Ask<T>(Action<TaskCompletionSource<T>> ask, CancellationToken cancellation)
    {
        var completion = new TaskCompletionSource<T>();
        Thread.Post(() => ask(completion));
        return completion.Task.OrCancelledAsync(cancellation);
    }

    // As in RunningManager: the sessions of the run before are gone, and the state must say so.
    private async Task ReportAsync()
    {
        while (IsAlive)
        {
            try
            {
                if (Store.Read(state => state.Managers.GetValueOrDefault(Self.Id)) is { } self)
                {
                    if (self.Run == Self.Run)
                        return;
                    await Service.SubmitAsync(new ManagerReport(Self.Id, "", _host.Address, Self.Run, ClusterState.Format));
                }
            }
            catch (ControlException e)
            {
                _world.Trace.Note($"{_host.Name} could not report itself yet: {e.Message}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), _time);
        }
    }

    private static byte[] NextSeed(Random random)
    {
        var seed = new byte[32];
        random.NextBytes(seed);
        return seed;
    }

    // As ReplicaProposer.
    private sealed class ThreadProposer(ManagerProcess process) : IProposer
    {
        public IProposalSequence BeginSequence() => new Sequence(process);

        public bool NeedsReadBarrier => !process.Loop.LeadsAlone;

        public Task ReadBarrierAsync(CancellationToken cancellation) =>
            ReplicaProposer.TranslateAsync(process.Ask<ulong>(process.Loop.ReadIndex, cancellation));
    }

    private sealed class Sequence(ManagerProcess process) : IProposalSequence
    {
        private readonly ProposalSequence _sequence = new();

        public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation) =>
            ReplicaProposer.TranslateAsync(process.Ask<ulong>(completion => process.Loop.Propose(entry, completion, _sequence, made), cancellation));
    }
}
