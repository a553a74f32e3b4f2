using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Dispatch;
using Skep.Dispatch.Outgoing;
using Skep.Manager;
using Skep.State;
using Skep.UnitTests.State;
using Xunit;

namespace Skep.UnitTests.Dispatch;

/// <summary>What an engine sees of the dispatcher, over its own calls.</summary>
public sealed class DispatcherServiceTests : IAsyncDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private readonly DispatchOptions _options = new() { AssignmentBatching = TimeSpan.FromMilliseconds(1), StatusBatching = TimeSpan.FromMilliseconds(1), BarrierPatience = TimeSpan.FromSeconds(1) };
    private readonly CancellationTokenSource _end = new();
    private readonly InMemoryManager _manager = new(TimeProvider.System);
    private readonly NodeSessions _sessions;
    private readonly NodeFeeds _feeds;
    private readonly StatusIntake _statuses;
    private readonly DispatcherService _dispatcher;

    public DispatcherServiceTests()
    {
        _sessions = new NodeSessions(_manager, _options, TimeProvider.System, new Random(1), NullLogger<NodeSessions>.Instance);
        _feeds = new NodeFeeds(_manager.Store);
        _statuses = new StatusIntake(_manager, _options, TimeProvider.System, NullLogger<StatusIntake>.Instance);
        _dispatcher = new DispatcherService(_manager, _sessions, _feeds, _statuses, () => true, _options, TimeProvider.System, NullLogger<DispatcherService>.Instance);
    }

    [Fact]
    public async Task The_engine_beside_a_manager_is_told_that_it_is_a_worker_and_where_managers_are()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        Assert.Equal(Wire.NodeRole.Worker, session.Node.Role);
        Assert.Equal(Wire.NodeRole.Worker, session.Node.Spec.DesiredRole);
        var peer = Assert.Single(session.Managers).Peer;
        Assert.Equal("n1", peer.NodeId);
        Assert.Equal("192.0.2.1:2377", peer.Addr);
        Assert.Equal("root", session.RootCA.ToStringUtf8());
    }

    [Fact]
    public async Task A_change_of_availability_is_told_in_the_open_session()
    {
        await MadeAsync("n1");
        var stream = Open(new Wire.SessionRequest { Description = new Wire.NodeDescription() }, "n1");
        await stream.NextAsync();
        var node = _manager.Store.Read(s => s.Nodes["n1"]).Clone();
        node.Spec.Availability = Wire.NodeSpec.Types.Availability.Drain;
        _manager.Commit(new Mutation { PutNode = new PutNode { Node = node } });
        Assert.Equal(Wire.NodeSpec.Types.Availability.Drain, (await stream.NextAsync()).Node.Spec.Availability);
    }

    [Fact]
    public async Task Assignments_begin_complete_go_on_incremental_and_are_chained()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2), Batches.Assign("web-1", "n1"));
        var stream = Assign(session.SessionId, "n1");

        var complete = await stream.NextAsync();
        Assert.Equal(Wire.AssignmentsMessage.Types.Type.Complete, complete.Type);
        Assert.Equal("", complete.AppliesTo);
        Assert.Equal("web-1", Assert.Single(complete.Changes).Assignment.Task.Id);

        _manager.Commit(Batches.Assign("web-2", "n1"));
        var incremental = await stream.NextAsync();
        Assert.Equal(Wire.AssignmentsMessage.Types.Type.Incremental, incremental.Type);
        Assert.Equal(complete.ResultsIn, incremental.AppliesTo);
        Assert.Equal("web-2", Assert.Single(incremental.Changes).Assignment.Task.Id);
    }

    [Fact]
    public async Task A_status_is_answered_at_once_and_reaches_the_state_even_if_there_is_no_leader_for_a_while()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
        // The loop's working state does not know what was committed past it, so it begins a new term, as after an election.
        await _manager.NewTermAsync();
        _manager.WithoutLeader = true;
        await Report(session.SessionId, "n1", "web-1", Wire.TaskState.Running).WaitAsync(Soon);
        await Task.Delay(100);
        Assert.Equal(Wire.TaskState.Assigned, _manager.Store.Read(s => s.Tasks.Find("web-1")!.State));
        _manager.WithoutLeader = false;
        await UntilAsync(() => Runs("web-1"));
        Assert.Equal(Wire.TaskState.Running, _manager.Store.Read(s => s.Tasks.Find("web-1")!.State));
    }

    [Fact]
    public async Task A_status_of_another_nodes_task_is_refused_and_one_of_a_gone_task_is_dropped()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n2"));
        var refused = await Assert.ThrowsAsync<RpcException>(() => Report(session.SessionId, "n1", "web-1", Wire.TaskState.Failed));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        await Report(session.SessionId, "n1", "gone", Wire.TaskState.Failed);
    }

    [Fact]
    public async Task The_complete_assignments_are_those_of_a_manager_that_has_caught_up()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1));
        var caughtUp = new TaskCompletionSource();
        _manager.CatchUp = () => caughtUp.Task;
        var stream = Assign(session.SessionId, "n1");
        await Task.Delay(50);
        Assert.Equal(0, stream.Count);
        // What was committed elsewhere before the engine asked.
        _manager.Commit(Batches.Assign("web-1", "n1"));
        caughtUp.SetResult();
        Assert.Equal("web-1", Assert.Single((await stream.NextAsync()).Changes).Assignment.Task.Id);
    }

    [Fact]
    public async Task A_manager_that_cannot_catch_up_sends_no_assignments_at_all()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        foreach (var barrier in (Func<Task>[])[() => Task.FromException(new ControlException(ControlError.Unavailable, "no leader")), () => Task.Delay(Timeout.Infinite)])
        {
            _manager.CatchUp = barrier;
            var stream = Assign(session.SessionId, "n1");
            var refused = await Assert.ThrowsAsync<RpcException>(() => stream.Call.WaitAsync(Soon));
            Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
            Assert.Equal(0, stream.Count);
        }
    }

    [Fact]
    public async Task A_session_that_ends_while_its_manager_catches_up_is_sent_no_assignments()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.CatchUp = () => Task.Delay(Timeout.Infinite);
        var stream = Assign(session.SessionId, "n1");
        _manager.Commit(new Mutation { SetNodeSession = new HeldSession { NodeId = "n1", Run = "other", SessionId = "elsewhere" } });
        var refused = await Assert.ThrowsAsync<RpcException>(() => stream.Call.WaitAsync(Soon));
        Assert.Equal((StatusCode.InvalidArgument, 0), (refused.StatusCode, stream.Count));
    }

    [Fact]
    public async Task A_status_of_a_task_that_this_manager_does_not_know_yet_is_not_lost()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.WithoutLeader = true;
        // The engine has the task from another manager; this one lags.
        await Report(session.SessionId, "n1", "web-1", Wire.TaskState.Running).WaitAsync(Soon);
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
        await _manager.NewTermAsync();
        _manager.WithoutLeader = false;
        await UntilAsync(() => Runs("web-1"));
        Assert.Equal(Wire.TaskState.Running, _manager.Store.Read(s => s.Tasks.Find("web-1")!.State));
    }

    [Fact]
    public async Task A_task_that_this_manager_does_not_see_with_the_node_yet_is_not_refused_before_it_has_caught_up()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1));
        _manager.CatchUp = () =>
        {
            _manager.Commit(Batches.Assign("web-1", "n1"));
            return Task.CompletedTask;
        };
        await Report(session.SessionId, "n1", "web-1", Wire.TaskState.Running).WaitAsync(Soon);
    }

    [Fact]
    public async Task A_call_with_an_unknown_session_is_told_to_register_again()
    {
        await MadeAsync("n1");
        var refused = await Assert.ThrowsAsync<RpcException>(() => _dispatcher.Heartbeat(new Wire.HeartbeatRequest { SessionId = "nosuch" }, Call("n1")));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Equal("session invalid", refused.Status.Detail);
    }

    [Fact]
    public async Task A_removed_nodes_streams_end()
    {
        await MadeAsync("n1");
        var stream = Open(new Wire.SessionRequest { Description = new Wire.NodeDescription() }, "n1");
        await stream.NextAsync();
        _manager.Commit(new Mutation { RemoveNode = new RemoveObject { Id = "n1" } });
        var ended = await Assert.ThrowsAsync<RpcException>(() => stream.Call.WaitAsync(Soon));
        Assert.Equal(StatusCode.Aborted, ended.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _sessions.Dispose();
        _dispatcher.Dispose();
        await _statuses.DisposeAsync();
        _feeds.Dispose();
        await _manager.DisposeAsync();
        _end.Dispose();
    }

    [Fact]
    public async Task What_a_node_says_of_a_small_services_task_does_not_wait_for_a_burst_of_another()
    {
        await MadeAsync("n1");
        var session = await SessionAsync("n1");
        _manager.Commit(
            Batches.Service("burst", "box:1", 200), Batches.Tasks("burst", [.. Enumerable.Range(1, 200)]), Batches.Assign("burst-1", "n1"),
            Batches.Service("small", "box:1"), Batches.Tasks("small", 1), Batches.Assign("small-1", "n1"));
        await _manager.NewTermAsync();
        Assert.Equal(2, (await Assign(session.SessionId, "n1").NextAsync()).Changes.Count);
        var burst = new TaskCompletionSource();
        _manager.Way = input => input is TaskStatusReports reports && reports.Reports.Any(report => report.Statuses.Any(status => status.Key == "burst-1")) ? burst.Task : Task.CompletedTask;

        await Report(session.SessionId, "n1", "burst-1", Wire.TaskState.Running).WaitAsync(Soon);
        await UntilAsync(() => _manager.Submitted.Any(input => input is TaskStatusReports));
        await Report(session.SessionId, "n1", "small-1", Wire.TaskState.Running).WaitAsync(Soon);
        await UntilAsync(() => Runs("small-1"));
        Assert.False(Runs("burst-1"));

        burst.SetResult();
        await UntilAsync(() => Runs("burst-1"));
    }

    private bool Runs(string taskId) => _manager.Store.Read(state => state.Tasks.Find(taskId)!.State == Wire.TaskState.Running);

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }

    private async Task MadeAsync(string nodeId)
    {
        var cluster = new Wire.Cluster { Id = "c", Spec = new Wire.ClusterSpec(), RootCa = new Wire.RootCA { CaCert = ByteString.CopyFromUtf8("root") } };
        await _manager.SubmitAsync(new InitCluster(cluster, new Skep.State.Manager { Id = "m", Addr = "192.0.2.1:2377", NodeId = nodeId, Run = _manager.Self.Run }));
        await _manager.SubmitAsync(new CertificateIssued(nodeId, new Wire.Certificate { Cn = nodeId }, default));
    }

    private async Task<Wire.SessionMessage> SessionAsync(string nodeId) =>
        await Open(new Wire.SessionRequest { Description = new Wire.NodeDescription() }, nodeId).NextAsync();

    private Received<Wire.SessionMessage> Open(Wire.SessionRequest request, string nodeId)
    {
        var received = new Received<Wire.SessionMessage>();
        received.Call = _dispatcher.Session(request, received, Call(nodeId));
        return received;
    }

    private Received<OutgoingAssignments> Assign(string sessionId, string nodeId)
    {
        var received = new Received<OutgoingAssignments>();
        received.Call = _dispatcher.Assignments(new Wire.AssignmentsRequest { SessionId = sessionId }, received, Call(nodeId));
        return received;
    }

    private Task Report(string sessionId, string nodeId, string taskId, Wire.TaskState state)
    {
        var request = new Wire.UpdateTaskStatusRequest { SessionId = sessionId };
        request.Updates.Add(new Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate { TaskId = taskId, Status = new Wire.TaskStatus { State = state } });
        return _dispatcher.UpdateTaskStatus(request, Call(nodeId));
    }

    private NodeCall Call(string nodeId) => new(nodeId, _end.Token);

    private sealed class Received<T> : IServerStreamWriter<T>
    {
        private readonly Channel<T> _messages = Channel.CreateUnbounded<T>();

        public Task Call { get; set; } = Task.CompletedTask;

        public int Count => _messages.Reader.Count;

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(T message) => _messages.Writer.WriteAsync(message).AsTask();

        public Task WriteAsync(T message, CancellationToken cancellationToken) => WriteAsync(message);

        public async Task<T> NextAsync()
        {
            var next = _messages.Reader.ReadAsync().AsTask();
            await Task.WhenAny(next, Call).WaitAsync(Soon);
            if (!next.IsCompleted) await Call;
            return await next.WaitAsync(Soon);
        }
    }
}
