using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Skep.Dispatch.Logs;
using Skep.Dispatch.LogSharing;
using Skep.State;
using Skep.UnitTests.State;
using Xunit;

namespace Skep.UnitTests.Dispatch;

/// <summary>Three managers, each with a node of its own; the first one is asked for logs.</summary>
public sealed class LogsElsewhereTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero));
    private readonly InMemoryManager _manager;
    private readonly Peers _peers = new();
    private readonly LogBroker _here;
    private readonly Dictionary<string, LogBroker> _others = [];

    public LogsElsewhereTests()
    {
        _manager = new InMemoryManager(_time);
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2, 3));
        foreach (var number in (int[])[1, 2, 3])
            _manager.Commit(Batches.Assign($"web-{number}", $"n{number}"), Runs($"web-{number}"));
        _here = NewBroker(_peers);
        AddManager("m2");
        AddManager("m3");
    }

    [Fact]
    public async Task Logs_of_nodes_with_any_manager_are_merged()
    {
        var (n1, n2, n3) = (_here.Listen("n1"), _others["m2"].Listen("n2"), _others["m3"].Listen("n3"));
        var reading = Read();
        await Publish(_here, n1, "one");
        await Publish(_others["m2"], n2, "two");
        Assert.False(reading.IsCompleted);
        await Publish(_others["m3"], n3, "three");
        Assert.Equal(["one", "three", "two"], (await reading).Order());
    }

    [Fact]
    public async Task A_node_that_is_with_no_manager_is_named_and_all_else_is_read()
    {
        var (n1, n2) = (_here.Listen("n1"), _others["m2"].Listen("n2"));
        var lines = new List<string>();
        var reading = Read(lines: lines);
        await Publish(_here, n1, "one");
        await Publish(_others["m2"], n2, "two");
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.EndsWith("following reasons: node n3 is not available", incomplete.Message, StringComparison.Ordinal);
        Assert.Equal(["one", "two"], lines.Order());
    }

    [Fact]
    public async Task A_manager_that_cannot_be_reached_is_named_with_the_nodes_that_are_missing()
    {
        _peers.Broken.Add("m3");
        var (n1, n2) = (_here.Listen("n1"), _others["m2"].Listen("n2"));
        var reading = Read();
        await Publish(_here, n1, "one");
        await Publish(_others["m2"], n2, "two");
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.EndsWith("following reasons: node n3 is not available, manager m3 is not available", incomplete.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manager_without_a_part_in_it_may_be_out_of_reach()
    {
        _peers.Broken.Add("m3");
        var (n1, n2, n3) = (_here.Listen("n1"), _others["m2"].Listen("n2"), _others["m2"].Listen("n3"));
        var reading = Read();
        await Publish(_here, n1, "one");
        await Publish(_others["m2"], n2, "two");
        await Publish(_others["m2"], n3, "three");
        Assert.Equal(["one", "three", "two"], (await reading).Order());
    }

    [Fact]
    public async Task A_manager_that_does_not_answer_is_given_up()
    {
        _peers.Silent.Add("m3");
        var (n1, n2) = (_here.Listen("n1"), _others["m2"].Listen("n2"));
        var reading = Read();
        await Publish(_here, n1, "one");
        await Publish(_others["m2"], n2, "two");
        for (var i = 0; i < 200 && !reading.IsCompleted; i++)
        {
            await Task.Delay(10);
            _time.Advance(TimeSpan.FromMilliseconds(200));
        }
        Assert.Contains("manager m3 is not available", (await Assert.ThrowsAsync<LogsIncompleteException>(() => reading)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_fails_elsewhere_fails_with_its_own_reason()
    {
        var (n1, n2, n3) = (_here.Listen("n1"), _others["m2"].Listen("n2"), _others["m3"].Listen("n3"));
        var reading = Read();
        await Publish(_here, n1, "one");
        await Publish(_others["m2"], n2, "two");
        await Told(_others["m3"], n3);
        n3.Dispose();
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.EndsWith("following reasons: node n3 disconnected unexpectedly", incomplete.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manager_that_is_lost_in_the_middle_leaves_the_logs_incomplete()
    {
        var (n1, n2, n3) = (_here.Listen("n1"), _others["m2"].Listen("n2"), _others["m3"].Listen("n3"));
        var lines = new List<string>();
        var reading = Read(lines: lines);
        await Publish(_here, n1, "one");
        await Publish(_others["m2"], n2, "two");
        await Publish(_others["m3"], n3, "three", done: false);
        // Until then m3 may not have said yet that n3 is with it; lost that early, it was never in the middle.
        await Until(() => lines.Count == 3);
        _others["m3"].Dispose();
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.EndsWith("following reasons: node n3 disconnected unexpectedly, manager m3 is not available", incomplete.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Following_reads_from_all_managers_and_asks_one_that_comes_back_for_what_was_said_since()
    {
        var n2 = _others["m2"].Listen("n2");
        using var leave = new CancellationTokenSource();
        var lines = new List<string>();
        var reading = Read(follow: true, lines, leave.Token);
        await Publish(_others["m2"], n2, "before", done: false);
        await Until(() => lines.Count == 1);
        _others["m2"].Dispose();
        _peers.All.RemoveAll(peer => peer.ManagerId == "m2");
        AddManager("m2");
        n2 = _others["m2"].Listen("n2");
        Wire.SubscriptionMessage? asked = null;
        for (var i = 0; i < 300 && (asked = _others["m2"].NewsOf(n2).SingleOrDefault()) is null; i++)
        {
            await Task.Delay(10);
            _time.Advance(TimeSpan.FromMilliseconds(500));
        }
        Assert.NotNull(asked!.Options.Since);
        Assert.Equal(0, asked.Options.Tail);
        await Publish(_others["m2"], "n2", asked.Id, "after", done: false);
        await Until(() => lines.Count == 2);
        Assert.Equal(["before", "after"], lines);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        // The other managers' engines are told.
        var told = false;
        await Until(() => told |= _others["m2"].NewsOf(n2).Any(news => news.Close));
    }

    public async ValueTask DisposeAsync()
    {
        _here.Dispose();
        foreach (var broker in _others.Values)
            broker.Dispose();
        await _manager.DisposeAsync();
    }

    private LogBroker NewBroker(IManagerPeers peers) => new(_manager.Store, new DispatchOptions(), _time, new Random(1), peers);

    private void AddManager(string id)
    {
        _others[id] = NewBroker(new NoPeers());
        _peers.All.Add(new ManagerPeer(id, new DirectChannel(id, _peers, new ManagerLogsService(_manager, _others[id], new DispatchOptions(), _time))));
    }

    private Task<List<string>> Read(bool follow = false, List<string>? lines = null, CancellationToken cancellation = default)
    {
        lines ??= [];
        return Task.Run(async () =>
        {
            var options = new Wire.LogSubscriptionOptions { Follow = follow, Tail = follow ? -6 : 0 };
            await foreach (var message in _here.ReadAsync(new Wire.LogSelector { ServiceIds = { "web" } }, options, cancellation))
                lines.Add(message.Data.ToStringUtf8());
            return lines;
        }, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20), CancellationToken.None);
    }

    private static async Task<string> Told(LogBroker broker, LogListener listener)
    {
        for (var i = 0; i < 500; i++)
        {
            if (broker.NewsOf(listener).FirstOrDefault(news => !news.Close) is { } news)
                return news.Id;
            await Task.Delay(10);
        }
        throw new TimeoutException($"{listener.NodeId} was not asked");
    }

    private static async Task Publish(LogBroker broker, LogListener listener, string line, bool done = true) =>
        await Publish(broker, listener.NodeId, await Told(broker, listener), line, done);

    private static async Task Publish(LogBroker broker, string nodeId, string subscriptionId, string line, bool done)
    {
        var subscription = broker.Begin(subscriptionId, nodeId)!;
        await subscription.WriteAsync([new Wire.LogMessage { Data = ByteString.CopyFromUtf8(line) }], default);
        if (done)
            broker.Done(subscription, nodeId, null);
    }

    private static Mutation Runs(string taskId) => new() { SetTaskStatus = new SetTaskStatus { TaskId = taskId, Status = new Wire.TaskStatus { State = Wire.TaskState.Running } } };

    private static async Task Until(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }

    private sealed class Peers : IManagerPeers
    {
        public List<ManagerPeer> All { get; } = [];

        public HashSet<string> Broken { get; } = [];

        public HashSet<string> Silent { get; } = [];

        public IReadOnlyList<ManagerPeer> Others => [.. All];
    }

    /// <summary>Calls the other manager's service without a network.</summary>
    private sealed class DirectChannel(string managerId, Peers peers, ManagerLogsService service) : ChannelBase("direct")
    {
        public override CallInvoker CreateCallInvoker() => new Invoker(managerId, peers, service);
    }

    private sealed class Invoker(string managerId, Peers peers, ManagerLogsService service) : CallInvoker
    {
        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            var stream = new Stream<TResponse>();
            _ = Task.Run(async () =>
            {
                try
                {
                    if (peers.Broken.Contains(managerId))
                        throw new RpcException(new Status(StatusCode.Unavailable, "connection refused"));
                    if (peers.Silent.Contains(managerId))
                        await Task.Delay(Timeout.Infinite, options.CancellationToken);
                    await service.Subscribe((LogShareRequest)(object)request, (IServerStreamWriter<LogShare>)(object)stream, new NodeCall("m1", options.CancellationToken));
                    stream.Messages.Writer.Complete();
                }
                catch (Exception e)
                {
                    stream.Messages.Writer.Complete(e as RpcException ?? new RpcException(new Status(StatusCode.Unknown, e.Message)));
                }
            });
            return new AsyncServerStreamingCall<TResponse>(stream, Task.FromResult<Metadata>([]), () => Status.DefaultSuccess, () => [], () => { });
        }

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
    }

    private sealed class Stream<T> : IServerStreamWriter<T>, IAsyncStreamReader<T>
    {
        public Channel<T> Messages { get; } = Channel.CreateUnbounded<T>();

        public WriteOptions? WriteOptions { get; set; }

        public T Current { get; private set; } = default!;

        public Task WriteAsync(T message) => Messages.Writer.WriteAsync(message).AsTask();

        public Task WriteAsync(T message, CancellationToken cancellationToken) => Messages.Writer.WriteAsync(message, cancellationToken).AsTask();

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await Messages.Reader.WaitToReadAsync(cancellationToken) || !Messages.Reader.TryRead(out var next))
                return false;
            Current = next;
            return true;
        }
    }
}
