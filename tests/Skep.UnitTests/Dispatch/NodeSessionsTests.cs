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
        await UntilAsync(() => StateOf("n2") == Wire.NodeStatus.Types.State.Down);
        Assert.Equal("heartbeat failure", _manager.Store.Read(s => s.Nodes["n2"].Status.Message));
        Assert.Equal(Wire.NodeStatus.Types.State.Ready, StateOf("n1"));
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
    public async Task After_a_change_of_leader_nodes_have_twice_the_grace_period_to_come_back()
    {
        await JoinAsync("n1");
        await JoinAsync("n2");
        _sessions.ExpectNodes();
        _time.Advance(TimeSpan.FromSeconds(20));
        await RegisterAsync("n1");
        Assert.NotEqual(Wire.NodeStatus.Types.State.Down, StateOf("n2"));
        _time.Advance(TimeSpan.FromSeconds(14));
        await UntilAsync(() => StateOf("n2") == Wire.NodeStatus.Types.State.Down);
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

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }
}
