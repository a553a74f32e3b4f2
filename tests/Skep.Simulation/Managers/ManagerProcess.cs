using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Daemon.Swarm;
using Skep.Dispatch;
using Skep.Log;
using Skep.Manager;
using Skep.Raft;
using Skep.Simulation.Engine;
using Skep.State;

namespace Skep.Simulation.Managers;

/// <summary>
/// One run of a skepd, put together as <c>RunningManager</c> and <c>ClusterServer</c> do, of the same parts: log, raft, state, loop with
/// its rules, dispatcher. Only the thread, the clock, the disk, the network and the random numbers are the simulation's.
/// </summary>
internal sealed class ManagerProcess : ITransport
{
    private readonly World _world;
    private readonly ManagerHost _host;
    private readonly TimeProvider _time;
    private readonly SnapshotTransfer _snapshots;
    private LogStore? _log;
    private ReplicaLoop? _loop;
    private int _proposals;

    public ManagerProcess(World world, ManagerHost host)
    {
        _world = world;
        _host = host;
        _time = host.Clock.ForProcess(() => IsAlive);
        var random = host.Random;
        Thread = new ReplicaThread(world, host, this);
        _snapshots = new SnapshotTransfer(world, host, this);
        Hash = new StateHash();
        var proposer = world.Seams.Proposer(new ThreadProposer(this));
        Service = new ManagerService(new ManagerSelf(host.Name, random.Next().ToString(System.Globalization.CultureInfo.InvariantCulture)), Store, proposer, () => world.Seams.Rules(ManagerRules.Create()), () => NextSeed(random), _time, NullLogger<ManagerService>.Instance);
        Service.Failed += fault => world.Loop.Fail("managers do not stop by themselves", $"{host.Name}: {fault}");
        Store.SubscriberFailed += fault => world.Loop.Fail("no listener of the state fails", $"{host.Name}: {fault}");
        Store.Subscribe(Hash.Update, () => Store.Read(state =>
        {
            Hash.Reset(state);
            return 0;
        }));
        Manager = new ForwardingManager(world, host, this);
        _ = new PresenceStandIn(world, this);
        Sessions = new NodeSessions(Manager, world.Options.Dispatch, _time, new Random(random.Next()), NullLogger<NodeSessions>.Instance);
        Feeds = new NodeFeeds(Store);
        Statuses = new StatusIntake(world.Seams.StatusIntake(Manager), world.Options.Dispatch, _time, NullLogger<StatusIntake>.Instance);
        Dispatcher = new DispatcherService(Manager, Sessions, Feeds, Statuses, world.Options.Dispatch, _time, NullLogger<DispatcherService>.Instance);
    }

    public bool IsAlive { get; private set; } = true;

    public StateStore Store { get; } = new();

    public StateHash Hash { get; }

    public ManagerService Service { get; }

    public IManager Manager { get; }

    public NodeSessions Sessions { get; }

    public NodeFeeds Feeds { get; }

    public StatusIntake Statuses { get; }

    public DispatcherService Dispatcher { get; }

    public ReplicaThread Thread { get; }

    public ReplicaLoop Loop => _loop!;

    public LogStore Log => _log!;

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
            Seed = random.Next(),
            NewFileId = () => (ulong)random.NextInt64(),
            TickInterval = _world.Options.TickInterval,
            SnapshotInterval = _world.Options.SnapshotInterval,
            Log = new LogOptions { SegmentBytes = 16 << 10, LogEntriesForSlowFollowers = 20, KeepOldSnapshots = _world.Options.KeepOldSnapshots },
            LeadershipChanged = OnLeadershipChanged,
        };
        _log = LogStoreOpener.Start(options, machine, NullLogger.Instance);
        _loop = new ReplicaLoop(options, machine, this, _log, _snapshots.WriteInBackground, _world.Logger(_host.Name));
    }

    /// <summary>Takes part.</summary>
    public void Begin()
    {
        Thread.Post(Loop.Start);
        _time.CreateTimer(_ => OnTick(), null, _world.Options.TickInterval, _world.Options.TickInterval);
        Sessions.ExpectNodes();
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

    public Task ReadBarrierAsync() => Ask<ulong>(Loop.ReadIndex);

    public Task<ulong> ProposeAsync(ReadOnlyMemory<byte> entry) => Ask<ulong>(completion => Loop.Propose(entry, completion));

    public Task<ulong> ChangeMembershipAsync(ConfChange change) => Ask<ulong>(completion => Loop.ProposeConfChange(change, completion));

    /// <summary>Looks at the member after it has worked.</summary>
    public void AfterTurn() => _world.Leaders.Look(_host, Loop);

    private void OnTick()
    {
        Thread.Post(Loop.Tick);
        // A stand-in: the term ended since a proposal was refused, but the member still leads.
        if (Loop.IsLeader && !Service.IsLeader && _proposals == 0)
            Service.StartLeading();
    }

    private Task<T> Ask<T>(Action<TaskCompletionSource<T>> ask)
    {
        var completion = new TaskCompletionSource<T>();
        Thread.Post(() => ask(completion));
        return completion.Task;
    }

    // As in RunningManager.
    private void OnLeadershipChanged(bool isLeader, ulong term)
    {
        _world.Trace.Note($"{_host.Name} {(isLeader ? "leads in" : "leads no more in")} term {term}");
        if (isLeader)
        {
            Service.StartLeading();
            Sessions.ExpectNodes();
        }
        else
        {
            _ = Service.StopLeadingAsync();
        }
    }

    private static byte[] NextSeed(Random random)
    {
        var seed = new byte[32];
        random.NextBytes(seed);
        return seed;
    }

    private sealed class ThreadProposer(ManagerProcess process) : IProposer
    {
        public async Task ProposeAsync(ReadOnlyMemory<byte> entry, CancellationToken cancellation)
        {
            try
            {
                process._proposals++;
                await process.ProposeAsync(entry);
            }
            catch (Exception e) when (e is NotLeaderException or ProposalDroppedException or ReplicaStoppedException)
            {
                throw new LeadershipLostException(e.Message, e);
            }
            finally
            {
                process._proposals--;
            }
        }

        public async Task ReadBarrierAsync(CancellationToken cancellation)
        {
            try
            {
                await process.ReadBarrierAsync();
            }
            catch (Exception e) when (e is NotLeaderException or ReplicaStoppedException)
            {
                throw new LeadershipLostException(e.Message, e);
            }
        }
    }
}
