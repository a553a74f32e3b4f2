using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class NodeSessionsTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero));
    private readonly InMemoryManager _manager;
    private readonly NodeSessions _sessions;

    public NodeSessionsTests()
    {
        _manager = new InMemoryManager(_time);
        _manager.Commit(new Skep.State.Mutation { PutManager = new Skep.State.PutManager { Manager = new Skep.State.Manager { Id = "m", Run = _manager.Self.Run } } });
        _sessions = new NodeSessions(_manager, new DispatchOptions(), _time, new Random(1), NullLogger<NodeSessions>.Instance);
    }

    [Fact]
    public async Task A_registered_node_is_ready_at_the_address_it_came_from()
    {
        await JoinAsync("n1");
        await RegisterAsync("n1");
        var node = _manager.Store.Read(s => s.Nodes["n1"]);
        Assert.Equal(Wire.NodeStatus.Types.State.Ready, node.Status.State);
        Assert.Equal("10.0.0.9", node.Status.Addr);
        Assert.Equal("host-n1", node.Description.Hostname);
    }

    [Fact]
    public async Task A_node_that_is_not_of_the_cluster_cannot_register()
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => RegisterAsync("stranger"));
        Assert.Equal(StatusCode.NotFound, refused.StatusCode);
    }

    [Fact]
    public async Task A_node_that_beats_in_time_stays_and_a_silent_one_is_down_after_the_grace_period()
    {
        await JoinAsync("n1");
        await JoinAsync("n2");
        var first = await RegisterAsync("n1");
        await RegisterAsync("n2");
        for (var i = 0; i < 8; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(4));
            Assert.InRange(_sessions.Beat("n1", first.Id), TimeSpan.FromSeconds(4.5), TimeSpan.FromSeconds(5.5));
        }
        await UntilAsync(() => StateOf("n2") == Wire.NodeStatus.Types.State.Down, advance: false);
        Assert.Equal("heartbeat failure", _manager.Store.Read(s => s.Nodes["n2"].Status.Message));
        Assert.Equal(Wire.NodeStatus.Types.State.Ready, StateOf("n1"));
    }

    [Fact]
    public async Task A_node_is_not_silent_while_its_words_lie_unread()
    {
        await JoinAsync("n1");
        var session = await RegisterAsync("n1");
        var isUnread = true;
        session.HasUnread = () => isUnread;
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.False(session.Ended.IsCancellationRequested);
        isUnread = false;
        await UntilAsync(() => StateOf("n1") == Wire.NodeStatus.Types.State.Down, advance: true);
        Assert.True(session.Ended.IsCancellationRequested);
    }

    [Fact]
    public async Task A_second_registration_ends_the_first_session()
    {
        await JoinAsync("n1");
        var first = await RegisterAsync("n1");
        var second = await RegisterAsync("n1");
        Assert.True(first.Ended.IsCancellationRequested);
        Assert.False(second.Ended.IsCancellationRequested);
        var invalid = Assert.Throws<RpcException>(() => _sessions.Beat("n1", first.Id));
        Assert.Equal(StatusCode.InvalidArgument, invalid.StatusCode);
        Assert.Equal("session invalid", invalid.Status.Detail);
    }

    [Fact]
    public async Task More_than_three_registrations_in_a_row_are_refused_until_the_node_calms_down()
    {
        await JoinAsync("n1");
        for (var i = 0; i < 3; i++)
            await RegisterAsync("n1");
        var refused = await Assert.ThrowsAsync<RpcException>(() => RegisterAsync("n1"));
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        _time.Advance(TimeSpan.FromSeconds(9));
        await RegisterAsync("n1");
    }

    [Fact]
    public async Task The_session_of_a_removed_node_ends()
    {
        await JoinAsync("n1");
        var session = await RegisterAsync("n1");
        _manager.Commit(new Skep.State.Mutation { RemoveNode = new Skep.State.RemoveObject { Id = "n1" } });
        Assert.True(session.Ended.IsCancellationRequested);
    }

    [Fact]
    public async Task A_registration_is_recorded_with_the_run_of_this_manager_before_the_session_counts()
    {
        await JoinAsync("n1");
        var session = await RegisterAsync("n1");
        var recorded = _manager.Store.Read(s => s.Sessions["n1"]);
        Assert.Equal((session.Id, "run"), (recorded.SessionId, recorded.Run));
        _manager.WithoutLeader = true;
        await Assert.ThrowsAsync<RpcException>(() => RegisterAsync("n1"));
        Assert.Equal(session, _sessions.Get("n1", session.Id));
    }

    [Fact]
    public async Task A_node_that_moved_to_another_manager_ends_here_and_is_not_reported_lost()
    {
        await JoinAsync("n1");
        var session = await RegisterAsync("n1");
        RecordElsewhere("n1");
        Assert.True(session.Ended.IsCancellationRequested);
        Assert.Null(_sessions.Find("n1", session.Id));
        Assert.Equal(0, _sessions.Count);
        _time.Advance(TimeSpan.FromMinutes(5));
        await Task.Delay(50);
        Assert.DoesNotContain(_manager.Submitted, input => input is NodeLost);
        Assert.Equal(Wire.NodeStatus.Types.State.Ready, StateOf("n1"));
    }

    [Fact]
    public async Task A_manager_whose_run_the_cluster_does_not_know_yet_takes_no_nodes()
    {
        await JoinAsync("n1");
        _manager.Commit(new Skep.State.Mutation { PutManager = new Skep.State.PutManager { Manager = new Skep.State.Manager { Id = "m", Run = "earlier" } } });
        var refused = await Assert.ThrowsAsync<RpcException>(() => RegisterAsync("n1"));
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.DoesNotContain(_manager.Submitted, input => input is NodeArrived);
    }

    [Fact]
    public async Task A_registration_that_another_one_overtook_does_not_count()
    {
        await JoinAsync("n1");
        // The node has gone on to another manager before this one has taken note of its own success.
        using var subscription = _manager.Store.Subscribe(changes =>
        {
            if (changes.OfType<Skep.State.SessionChange>().Any(c => c.New?.Run == "run"))
                RecordElsewhere("n1");
        });
        var refused = await Assert.ThrowsAsync<RpcException>(() => RegisterAsync("n1"));
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.Equal(0, _sessions.Count);
    }

    [Fact]
    public async Task A_loss_is_repeated_until_some_leader_has_taken_it()
    {
        await JoinAsync("n1");
        await RegisterAsync("n1");
        _manager.WithoutLeader = true;
        _time.Advance(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 5; i++)
            await PassAsync();
        Assert.Equal(Wire.NodeStatus.Types.State.Ready, StateOf("n1"));
        Assert.True(_manager.Submitted.Count(input => input is NodeLost) > 1);
        _manager.WithoutLeader = false;
        await UntilAsync(() => StateOf("n1") == Wire.NodeStatus.Types.State.Down);
    }

    [Fact]
    public async Task A_loss_is_no_longer_reported_once_the_node_is_with_another_manager()
    {
        await JoinAsync("n1");
        await RegisterAsync("n1");
        _manager.WithoutLeader = true;
        _time.Advance(TimeSpan.FromSeconds(20));
        RecordElsewhere("n1");
        for (var i = 0; i < 3; i++)
            await PassAsync();
        var said = _manager.Submitted.Count(input => input is NodeLost);
        for (var i = 0; i < 3; i++)
            await PassAsync();
        Assert.Equal(said, _manager.Submitted.Count(input => input is NodeLost));
        Assert.Equal(Wire.NodeStatus.Types.State.Ready, StateOf("n1"));
    }

    [Theory]
    [InlineData(Wire.NodeStatus.Types.State.Unknown)]
    [InlineData(Wire.NodeStatus.Types.State.Down)]
    public async Task A_session_that_lives_is_reported_again_when_the_state_doubts_it(Wire.NodeStatus.Types.State doubt)
    {
        await WithManagerAsync(_manager);
        await JoinAsync("n1");
        var session = await RegisterAsync("n1");
        _manager.WithoutLeader = true;
        _manager.Commit(new Skep.State.Mutation { SetNodeStatus = new Skep.State.SetNodeStatus { NodeId = "n1", State = doubt } });
        await _manager.NewTermAsync();
        await PassAsync();
        _manager.WithoutLeader = false;
        await UntilAsync(() => StateOf("n1") == Wire.NodeStatus.Types.State.Ready);
        Assert.False(session.Ended.IsCancellationRequested);
    }

    [Fact]
    public async Task A_node_that_the_leader_doubts_as_soon_as_it_arrives_is_said_to_be_here()
    {
        await using var manager = new InMemoryManager(_time, new DoubtsArrivals());
        await WithManagerAsync(manager);
        using var sessions = new NodeSessions(manager, new DispatchOptions(), _time, new Random(1), NullLogger<NodeSessions>.Instance);
        await manager.SubmitAsync(new CertificateIssued("n1", new Wire.Certificate { Cn = "n1" }, Wire.NodeSpec.Types.Availability.Active));
        var session = await sessions.RegisterAsync("n1", new Wire.NodeDescription(), "10.0.0.9", CancellationToken.None);
        await UntilAsync(() => manager.Store.Read(s => s.Nodes["n1"].Status.State) == Wire.NodeStatus.Types.State.Ready);
        Assert.Contains(new NodeHeld("n1", session.Id), manager.Submitted);
    }

    [Fact]
    public async Task After_a_snapshot_was_installed_the_sessions_that_it_records_go_on_and_the_others_end()
    {
        await WithManagerAsync(_manager);
        foreach (var node in (string[])["n1", "n2", "n3", "n4"])
            await JoinAsync(node);
        var sessions = new Dictionary<string, NodeSession>();
        foreach (var node in (string[])["n1", "n2", "n3", "n4"])
            sessions[node] = await RegisterAsync(node);
        var later = _manager.Store.Read(s => s.Clone());
        var batch = new Skep.State.Batch { Format = 1 };
        batch.Mutations.Add(new Skep.State.Mutation { SetNodeSession = new Skep.State.HeldSession { NodeId = "n2", Run = "other", SessionId = "elsewhere" } });
        batch.Mutations.Add(new Skep.State.Mutation { RemoveNode = new Skep.State.RemoveObject { Id = "n3" } });
        batch.Mutations.Add(new Skep.State.Mutation { SetNodeStatus = new Skep.State.SetNodeStatus { NodeId = "n4", State = Wire.NodeStatus.Types.State.Unknown } });
        later.Apply(batch);
        _manager.Store.Reset(later);
        await _manager.NewTermAsync();
        Assert.Equal((string[])["n1", "n4"], sessions.Values.Where(s => !s.Ended.IsCancellationRequested).Select(s => s.NodeId).Order());
        await UntilAsync(() => StateOf("n4") == Wire.NodeStatus.Types.State.Ready);
        _sessions.Beat("n1", sessions["n1"].Id);
    }

    public async ValueTask DisposeAsync()
    {
        _sessions.Dispose();
        await _manager.DisposeAsync();
    }

    private Task JoinAsync(string id) => _manager.SubmitAsync(new CertificateIssued(id, new Wire.Certificate { Cn = id }, Wire.NodeSpec.Types.Availability.Active));

    private Task<NodeSession> RegisterAsync(string id) =>
        _sessions.RegisterAsync(id, new Wire.NodeDescription { Hostname = $"host-{id}" }, "10.0.0.9", CancellationToken.None);

    private Wire.NodeStatus.Types.State StateOf(string id) => _manager.Store.Read(s => s.Nodes[id].Status.State);

    /// <summary>The cluster knows this manager, and which run of it is the present one.</summary>
    private static Task WithManagerAsync(InMemoryManager manager) => manager.SubmitAsync(new InitCluster(new Wire.Cluster { Id = "c", Spec = new Wire.ClusterSpec() },
        new Skep.State.Manager { Id = "m", Run = manager.Self.Run }));

    private void RecordElsewhere(string id) =>
        _manager.Commit(new Skep.State.Mutation { SetNodeSession = new Skep.State.HeldSession { NodeId = id, Run = "other", SessionId = "elsewhere" } });

    /// <summary>Lets some virtual time pass, with real time for what waits for it.</summary>
    private async Task PassAsync()
    {
        await Task.Delay(20);
        _time.Advance(TimeSpan.FromSeconds(2));
        await Task.Delay(20);
    }

    private async Task UntilAsync(Func<bool> condition, bool advance = true)
    {
        for (var i = 0; i < 500 && !condition(); i++)
        {
            await Task.Delay(10);
            if (advance) _time.Advance(TimeSpan.FromMilliseconds(100));
        }
        Assert.True(condition());
    }

    /// <summary>Doubts each node once, in the turn in which it arrives: as a leader does for which the manager is still out of reach.</summary>
    private sealed class DoubtsArrivals : IRule
    {
        private readonly HashSet<string> _doubted = [];
        private string? _arrived;

        public bool HasWork => _arrived is not null;

        public DateTimeOffset? NextDue => null;

        public void Rebuild(Skep.State.ClusterState state, DateTimeOffset now)
        {
        }

        public void Note(Skep.State.Change change)
        {
            if (change is Skep.State.NodeChange { New: { Status.State: Wire.NodeStatus.Types.State.Ready } node } && _doubted.Add(node.Id))
                _arrived = node.Id;
        }

        public void Run(Turn turn)
        {
            if (_arrived is null)
                return;
            turn.Emit(new Skep.State.Mutation { SetNodeStatus = new Skep.State.SetNodeStatus { NodeId = _arrived, State = Wire.NodeStatus.Types.State.Unknown } });
            _arrived = null;
        }
    }
}
