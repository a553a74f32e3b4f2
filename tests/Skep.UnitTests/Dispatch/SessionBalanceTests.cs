using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Skep.Manager;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Dispatch;

/// <summary>Three managers over one state and one clock, and engines that choose their manager as stock ones do.</summary>
public sealed class SessionBalanceTests : IAsyncDisposable
{
    private const int MaxMoves = 100;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero));
    private readonly DispatchOptions _options = new() { MaxMovesPerSecond = MaxMoves };
    private readonly InMemoryManager _leader;
    private readonly Dictionary<string, Serving> _managers = [];
    private readonly List<Engine> _engines = [];
    private readonly Random _random = new(7);

    public SessionBalanceTests() => _leader = new InMemoryManager(_time);

    [Fact]
    public async Task After_a_manager_died_and_came_back_the_spread_is_even_again_within_two_minutes_and_each_node_moved_once()
    {
        await StartAsync(3_000);
        await StopAsync("m1");
        Assert.Equal(0, _managers.Count(pair => pair.Key == "m1"));
        Assert.Equal(3_000, CountOf("m2") + CountOf("m3"));
        await ServeAsync("m1", "run1b");
        Forget();
        await PassAsync(TimeSpan.FromMinutes(2));
        Assert.All(_managers.Keys, id => Assert.InRange(CountOf(id), 950, 1_050));
        Assert.All(_engines, engine => Assert.InRange(engine.Moves, 0, 1));
        var moved = _engines.Sum(engine => engine.Moves);
        Assert.InRange(moved, 950, 1_050);
        Forget();
        await PassAsync(TimeSpan.FromMinutes(10));
        Assert.Equal(0, _engines.Sum(engine => engine.Moves));
    }

    [Fact]
    public async Task Nothing_moves_while_all_managers_are_up_even_if_the_spread_is_a_matter_of_chance()
    {
        await StartAsync(600);
        await PassAsync(TimeSpan.FromMinutes(10));
        Assert.Equal(0, _engines.Sum(engine => engine.Moves));
    }

    [Fact]
    public async Task The_engine_beside_a_manager_and_one_that_was_just_moved_there_stay()
    {
        await StartAsync(100, "m1");
        await PassAsync(TimeSpan.FromMinutes(2));
        Assert.InRange(CountOf("m1"), 32, 36);
        Assert.Equal(0, _engines.Single(engine => engine.NodeId == "n0").Moves);
        Assert.All(_engines, engine => Assert.InRange(engine.Moves, 0, 1));
        // m2 is empty again, so m3 holds too many; but all that m3 holds was sent there minutes ago.
        var settled = _engines.Where(engine => engine.Manager == "m3").ToList();
        await StopAsync("m2");
        await ServeAsync("m2", "run2b");
        Forget();
        await PassAsync(TimeSpan.FromMinutes(1));
        Assert.InRange(settled.Count, 30, 36);
        Assert.All(settled, engine => Assert.Equal(0, engine.Moves));
    }

    [Fact]
    public async Task A_node_that_was_sent_away_and_arrives_nowhere_is_lost()
    {
        await StartAsync(60, "m1");
        _engines.ForEach(engine => engine.Dead = true);
        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        var sent = _engines.First(engine => engine.Session!.Ended.IsCancellationRequested);
        for (var i = 0; i < 500 && _leader.Store.Read(s => s.Nodes[sent.NodeId].Status.State) != Wire.NodeStatus.Types.State.Down; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(5);
        }
        Assert.Equal(Wire.NodeStatus.Types.State.Down, _leader.Store.Read(s => s.Nodes[sent.NodeId].Status.State));
    }

    [Fact]
    public async Task Nodes_are_told_of_the_managers_that_serve_and_never_of_none()
    {
        await StartAsync(1, "m1");
        Assert.Equal(["m1", "m2", "m3"], Told());
        SetReachable("m2", false);
        Assert.Equal(["m1", "m3"], Told());
        Change("m3", manager => manager.Joining = true);
        Assert.Equal(["m1"], Told());
        Change("m1", manager => manager.Standby = true);
        Assert.Equal(["m1", "m2", "m3"], Told());

        IEnumerable<string> Told() => _leader.Store.Read(state => SessionMessages.Make(state, _engines[0].Session!))!.Managers.Select(peer => peer.Peer.Addr).Order();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var serving in _managers.Values)
            serving.Dispose();
        await _leader.DisposeAsync();
    }

    private async Task StartAsync(int nodes, string? all = null)
    {
        await _leader.SubmitAsync(new InitCluster(
            new Wire.Cluster { Id = "c", Spec = new Wire.ClusterSpec(), RootCa = new Wire.RootCA() },
            new Skep.State.Manager { Id = "m1", Addr = "m1", NodeId = "n0", Run = "run1" }));
        foreach (var number in (int[])[1, 2, 3])
            await ServeAsync($"m{number}", $"run{number}");
        for (var i = 0; i < nodes; i++)
            _engines.Add(new Engine($"n{i.ToString(CultureInfo.InvariantCulture)}", _random));
        await Task.WhenAll(_engines.Select(engine => _leader.SubmitAsync(new CertificateIssued(engine.NodeId, new Wire.Certificate { Cn = engine.NodeId }, default))));
        foreach (var engine in _engines)
        {
            foreach (var id in _managers.Keys)
                engine.Weights[id] = all is null || id == all ? 10 : 0;
        }
        await ReconnectAsync();
        Forget();
    }

    private async Task ServeAsync(string id, string run)
    {
        // Once more when it comes back: under a new run.
        await _leader.SubmitAsync(new AddManager(new Skep.State.Manager { Id = id, Addr = id, NodeId = id == "m1" ? "n0" : "", Run = run }));
        await _leader.SubmitAsync(new ManagerReport(id, "", "", run, 0));
        _managers.Add(id, new Serving(new Follower(_leader, new ManagerSelf(id, run)), _options, _time));
    }

    private async Task StopAsync(string id)
    {
        _managers.Remove(id, out var stopped);
        stopped!.Dispose();
        await ReconnectAsync();
    }

    private void SetReachable(string id, bool reachable) => Change(id, manager => manager.Unreachable = !reachable);

    private void Change(string id, Action<Skep.State.Manager> change)
    {
        var manager = _leader.Store.Read(state => state.Managers[id]).Clone();
        change(manager);
        _leader.Commit(new Mutation { PutManager = new PutManager { Manager = manager } });
    }

    private async Task PassAsync(TimeSpan time)
    {
        for (var second = 0; second < time.TotalSeconds; second++)
        {
            var before = _engines.Sum(engine => engine.Moves);
            // Engines hear what their session says before it ends.
            foreach (var engine in _engines.Where(engine => engine.Session!.MovesTo is not null))
                engine.Hear(_leader.Store.Read(state => SessionMessages.Make(state, engine.Session!))!);
            _time.Advance(TimeSpan.FromSeconds(1));
            if (second % 4 == 0)
                Beat();
            await ReconnectAsync();
            Assert.InRange(_engines.Sum(engine => engine.Moves) - before, 0, MaxMoves * _managers.Count);
        }
    }

    private void Beat()
    {
        foreach (var engine in _engines)
        {
            if (_managers.TryGetValue(engine.Manager!, out var serving) && serving.Sessions.Find(engine.NodeId, engine.Session!.Id) is not null)
                serving.Sessions.Beat(engine.NodeId, engine.Session.Id);
        }
    }

    private Task ReconnectAsync() => Task.WhenAll(_engines.Where(engine => !engine.Dead && engine.Session?.Ended.IsCancellationRequested != false).Select(ReconnectAsync));

    private async Task ReconnectAsync(Engine engine)
    {
        if (engine.Manager is not null)
            engine.Leave();
        do
            engine.Choose();
        while (!_managers.ContainsKey(engine.Manager!));
        engine.Session = await _managers[engine.Manager!].Sessions.RegisterAsync(engine.NodeId, null, "10.0.0.9", default);
        engine.Hear(_leader.Store.Read(state => SessionMessages.Make(state, engine.Session))!);
    }

    private int CountOf(string id) => _managers[id].Sessions.Count;

    private void Forget() => _engines.ForEach(engine => engine.Moves = 0);

    private sealed class Engine(string nodeId, Random random)
    {
        public string NodeId => nodeId;

        public Dictionary<string, int> Weights { get; } = [];

        public string? Manager { get; private set; }

        public NodeSession? Session { get; set; }

        public int Moves { get; set; }

        public bool Dead { get; set; }

        public void Hear(Wire.SessionMessage message)
        {
            foreach (var peer in message.Managers)
                Observe(peer.Peer.Addr, (int)peer.Weight);
        }

        /// <summary>Its session has ended, for whatever reason.</summary>
        public void Leave()
        {
            Moves++;
            Observe(Manager!, -10);
        }

        public void Choose()
        {
            var weights = Weights.Select(pair => (pair.Key, Weight: Math.Max(pair.Value, 0) + 0.001)).ToList();
            double at;
            lock (random)
                at = random.NextDouble() * weights.Sum(pair => pair.Weight);
            Manager = weights.First(pair => (at -= pair.Weight) < 0 || pair == weights[^1]).Key;
        }

        private void Observe(string manager, int weight) => Weights[manager] = (int)Math.Ceiling(0.5 * weight + 0.5 * Weights.GetValueOrDefault(manager));
    }

    /// <summary>One manager's dispatcher.</summary>
    private sealed class Serving : IDisposable
    {
        private readonly NodeFeeds _feeds;
        private readonly SessionBalance _balance;

        public Serving(IManager manager, DispatchOptions options, TimeProvider time)
        {
            Sessions = new NodeSessions(manager, options, time, new Random(manager.Self.Run.GetHashCode(StringComparison.Ordinal)), NullLogger<NodeSessions>.Instance);
            _feeds = new NodeFeeds(manager.Store);
            _balance = new SessionBalance(manager, Sessions, _feeds, options, time, NullLogger<SessionBalance>.Instance);
        }

        public NodeSessions Sessions { get; }

        public void Dispose()
        {
            _balance.Dispose();
            Sessions.Dispose();
            _feeds.Dispose();
        }
    }

    /// <summary>Another manager of the same group: the same state, its inputs forwarded to the leader.</summary>
    private sealed class Follower(InMemoryManager leader, ManagerSelf self) : IManager
    {
        public ManagerSelf Self => self;

        public StateStore Store => leader.Store;

        public bool IsLeader => false;

        public Task ReadBarrierAsync(CancellationToken cancellation = default) => leader.ReadBarrierAsync(cancellation);

        public Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default) => leader.SubmitAsync(input, cancellation);
    }
}
