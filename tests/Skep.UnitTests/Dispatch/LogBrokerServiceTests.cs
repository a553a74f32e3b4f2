using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Skep.Dispatch.Logs;
using Skep.State;
using Skep.UnitTests.State;
using Skep.Wire;
using Xunit;
using LogBroker = Skep.Dispatch.Logs.LogBroker;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Dispatch;

public sealed class LogBrokerServiceTests : IDisposable
{
    private readonly StateStore _store = new();
    private readonly LogBroker _broker;
    private readonly LogBrokerService _service;
    private readonly CancellationTokenSource _gone = new();
    private readonly Channel<SubscriptionMessage> _told = Channel.CreateUnbounded<SubscriptionMessage>();
    private readonly Task _listening;

    public LogBrokerServiceTests()
    {
        _broker = new LogBroker(_store, new DispatchOptions(), new FakeTimeProvider(), new Random(1), new NoPeers());
        _service = new LogBrokerService(_broker);
        _store.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1")));
        _listening = _service.ListenSubscriptions(new ListenSubscriptionsRequest(), new Sink(_told.Writer), new NodeCall("n1", _gone.Token));
    }

    [Fact]
    public async Task A_node_hears_of_a_subscription_publishes_and_hears_of_its_end()
    {
        var reading = Read();
        var id = await Asked();
        await Publish("n1", Lines(id, "n1"), Lines(id, "n1"), new PublishLogsMessage { SubscriptionId = id, Close = true });
        Assert.Equal(2, await reading);
        Assert.True((await _told.Reader.ReadAsync(TestContext.Current.CancellationToken)).Close);
    }

    [Fact]
    public async Task A_stream_that_just_ends_is_complete_too()
    {
        var reading = Read();
        await Publish("n1", Lines(await Asked(), "n1"));
        Assert.Equal(1, await reading);
    }

    [Fact]
    public async Task A_node_cannot_speak_for_another()
    {
        var reading = Read();
        var id = await Asked();
        await Refused(StatusCode.PermissionDenied, "invalid NodeID: expected=n1;received=n2", Lines(id, "n1"), Lines(id, "n2"));
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.EndsWith("node n1: invalid NodeID: expected=n1;received=n2", incomplete.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ids_are_checked()
    {
        var reading = Read();
        var id = await Asked();
        await Refused(StatusCode.InvalidArgument, "missing subscription ID", Lines("", "n1"));
        await Refused(StatusCode.NotFound, "unknown subscription ID", Lines("nosuch", "n1"));
        await Assert.ThrowsAsync<RpcException>(() => Publish("n2", Lines(id, "n2")));
        Assert.False(reading.IsCompleted);
        await Refused(StatusCode.InvalidArgument, "different subscription IDs in the same session", Lines(id, "n1"), Lines("other", "n1"));
        await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
    }

    [Fact]
    public async Task A_stream_that_breaks_leaves_the_logs_incomplete()
    {
        var reading = Read();
        var id = await Asked();
        await _service.PublishLogs(new Source([Lines(id, "n1")], new IOException("reset")), new NodeCall("n1"));
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.EndsWith("node n1 stopped sending before it was done", incomplete.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_goes_away_ends_its_stream_and_the_readers()
    {
        var reading = Read();
        await Asked();
        await _gone.CancelAsync();
        await _listening;
        await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
    }

    [Fact]
    public async Task Streams_end_when_the_manager_stops()
    {
        _broker.Dispose();
        await _listening.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("Raft", true)]
    [InlineData("Control", false)]
    public async Task Health_is_known_of_the_manager_and_of_raft(string service, bool known)
    {
        var health = new HealthService();
        var request = new HealthCheckRequest { Service = service };
        if (known)
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await health.Check(request, new NodeCall("m1"))).Status);
        else
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => health.Check(request, new NodeCall("m1")))).StatusCode);
    }

    public void Dispose()
    {
        _broker.Dispose();
        _store.Dispose();
        _gone.Dispose();
    }

    private static PublishLogsMessage Lines(string id, string node) => new() { SubscriptionId = id, Messages = { new LogMessage { Context = new LogContext { NodeId = node } } } };

    private async Task<int> Read()
    {
        var count = 0;
        await foreach (var _ in _broker.ReadAsync(new LogSelector { TaskIds = { "web-1" } }, new LogSubscriptionOptions(), TestContext.Current.CancellationToken))
            count++;
        return count;
    }

    private async Task<string> Asked() => (await _told.Reader.ReadAsync(TestContext.Current.CancellationToken)).Id;

    private Task Publish(string node, params PublishLogsMessage[] messages) => _service.PublishLogs(new Source(messages, null), new NodeCall(node));

    private async Task Refused(StatusCode code, string detail, params PublishLogsMessage[] messages)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => Publish("n1", messages));
        Assert.Equal(new Status(code, detail), refused.Status);
    }

    private sealed class Source(IReadOnlyList<PublishLogsMessage> messages, Exception? end) : IAsyncStreamReader<PublishLogsMessage>
    {
        private int _at = -1;

        public PublishLogsMessage Current => messages[_at];

        public Task<bool> MoveNext(CancellationToken cancellationToken) =>
            ++_at < messages.Count ? Task.FromResult(true) : end is null ? Task.FromResult(false) : Task.FromException<bool>(end);
    }

    private sealed class Sink(ChannelWriter<SubscriptionMessage> told) : IServerStreamWriter<SubscriptionMessage>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(SubscriptionMessage message) => WriteAsync(message, CancellationToken.None);

        public Task WriteAsync(SubscriptionMessage message, CancellationToken cancellationToken) => told.WriteAsync(message, cancellationToken).AsTask();
    }
}
