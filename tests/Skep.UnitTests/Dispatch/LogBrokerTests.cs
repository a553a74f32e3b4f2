using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Skep.Dispatch.Logs;
using Skep.Manager;
using Skep.State;
using Skep.UnitTests.State;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class LogBrokerTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly StateStore _store = new();
    private readonly LogBroker _broker;

    public LogBrokerTests()
    {
        _broker = new LogBroker(_store, new DispatchOptions { MaxLogReaders = 3 }, _time, new Random(1), new NoPeers());
        Apply(Batches.Service("web", "box:1"), Batches.Service("db", "box:1"), Batches.Tasks("web", 1, 2, 3), Batches.Tasks("db", 1));
        Apply(Batches.Assign("web-1", "n1"), Batches.Assign("web-2", "n2"), Batches.Assign("db-1", "n3"), Runs("web-1"), Runs("web-2"), Runs("db-1"));
    }

    [Fact]
    public async Task Only_nodes_that_run_tasks_of_the_service_are_asked_and_told_when_it_is_over()
    {
        var (n1, n2, n3) = (_broker.Listen("n1"), _broker.Listen("n2"), _broker.Listen("n3"));
        var reading = Read(Service("web"));
        var asked = await Told(n1);
        Assert.Equal(asked, await Told(n2));
        Assert.Empty(_broker.NewsOf(n3));
        Assert.Equal(["web"], asked.Selector.ServiceIds);
        Assert.Equal(-6, asked.Options.Tail);

        await Publish(asked.Id, "n1", "one");
        await Publish(asked.Id, "n2", "two");
        Assert.Equal(["one", "two"], (await reading).Order());
        foreach (var listener in new[] { n1, n2 })
            Assert.Equal(new Wire.SubscriptionMessage { Id = asked.Id, Close = true }, await Told(listener));
    }

    [Fact]
    public async Task A_task_is_asked_for_at_its_own_node_alone()
    {
        var (n1, n2) = (_broker.Listen("n1"), _broker.Listen("n2"));
        var reading = Read(new Wire.LogSelector { TaskIds = { "web-2" } });
        var asked = await Told(n2);
        Assert.Empty(_broker.NewsOf(n1));
        await Publish(asked.Id, "n2", "mine");
        Assert.Equal(["mine"], await reading);
    }

    [Fact]
    public async Task Nothing_that_ever_ran_is_no_logs_at_once() => Assert.Empty(await Read(Service("nosuch")));

    [Fact]
    public async Task What_others_sent_comes_before_the_failures_of_the_rest()
    {
        var (n1, n2) = (_broker.Listen("n1"), _broker.Listen("n2"));
        var lines = new List<string>();
        var reading = Read(Service("web"), lines: lines);
        var asked = await Told(n1);
        n2.Dispose();
        await Publish(asked.Id, "n1", "one");
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.Equal(["one"], lines);
        Assert.Equal("warning: incomplete log stream. some logs could not be retrieved for the following reasons: node n2 disconnected unexpectedly", incomplete.Message);
    }

    [Fact]
    public async Task Absent_nodes_and_unscheduled_tasks_are_named()
    {
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => Read(new Wire.LogSelector { TaskIds = { "web-1", "web-3" } }));
        Assert.EndsWith(": node n1 is not available, task web-3 has not been scheduled", incomplete.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_stays_silent_is_given_up()
    {
        var (n1, n2) = (_broker.Listen("n1"), _broker.Listen("n2"));
        var reading = Read(Service("web"));
        var asked = await Told(n1);
        var slow = _broker.Begin(asked.Id, "n1")!;
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Null(_broker.Begin(asked.Id, "n2"));
        Assert.False(reading.IsCompleted);
        _broker.Done(slow, "n1", null);
        var incomplete = await Assert.ThrowsAsync<LogsIncompleteException>(() => reading);
        Assert.EndsWith(": node n2 has not answered within 60 s", incomplete.Message, StringComparison.Ordinal);
        Assert.NotNull(n2);
    }

    [Fact]
    public async Task Following_goes_on_and_asks_nodes_that_get_a_task_later()
    {
        var (n1, n3) = (_broker.Listen("n1"), _broker.Listen("n3"));
        using var stop = new CancellationTokenSource();
        var lines = new List<string>();
        var reading = Read(Service("web"), follow: true, lines, stop.Token);
        var asked = await Told(n1);
        await Publish(asked.Id, "n1", "one");
        Assert.Empty(_broker.NewsOf(n3));

        Apply(Batches.Assign("web-3", "n3"));
        Assert.Equal(asked, await Told(n3));
        await Publish(asked.Id, "n3", "three");
        // n2 has a task of it all along and only now connects.
        var n2 = _broker.Listen("n2");
        Assert.Equal(asked, await Told(n2));
        await Until(() => lines.Count == 2);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        foreach (var listener in new[] { n1, n2, n3 })
            Assert.True((await Told(listener)).Close);
    }

    [Fact]
    public async Task A_replaced_state_is_searched_anew_while_following()
    {
        var n3 = _broker.Listen("n3");
        using var stop = new CancellationTokenSource();
        var reading = Read(Service("web"), follow: true, [], stop.Token);
        var other = _store.Read(s => s.Clone());
        other.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Assign("web-3", "n3")));
        _store.Reset(other);
        Assert.False((await Told(n3)).Close);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task A_subscription_is_told_once_to_a_stream_and_a_second_stream_of_a_node_keeps_it_connected()
    {
        var (old, fresh) = (_broker.Listen("n1"), _broker.Listen("n1"));
        var reading = Read(new Wire.LogSelector { TaskIds = { "web-1" } });
        var asked = await Told(old);
        Assert.Empty(_broker.NewsOf(old));
        Assert.Equal(asked, await Told(fresh));
        old.Dispose();
        await Publish(asked.Id, "n1", "one");
        Assert.Equal(["one"], await reading);
    }

    [Fact]
    public async Task Nodes_wait_while_the_reader_is_behind_and_nothing_is_lost()
    {
        var n1 = _broker.Listen("n1");
        await using var reader = _broker.ReadAsync(new Wire.LogSelector { TaskIds = { "web-1" } }, new Wire.LogSubscriptionOptions(), CancellationToken.None).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var first = reader.MoveNextAsync().AsTask();
        var asked = await Told(n1);
        var subscription = _broker.Begin(asked.Id, "n1")!;
        var sent = 0;
        var sending = Task.Run(async () =>
        {
            for (; sent < 10 * LogSubscription.Capacity; sent++)
                await subscription.WriteAsync([Line("n1", $"{sent}")], CancellationToken.None);
            _broker.Done(subscription, "n1", null);
        }, TestContext.Current.CancellationToken);
        Assert.True(await first);
        await Until(() => sent >= LogSubscription.Capacity);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.InRange(sent, LogSubscription.Capacity, LogSubscription.Capacity + 2);
        var read = 0;
        do
            Assert.Equal($"{read++}", reader.Current.Data.ToStringUtf8());
        while (await reader.MoveNextAsync());
        await sending;
        Assert.Equal(10 * LogSubscription.Capacity, read);
    }

    [Fact]
    public async Task A_writer_is_let_go_when_the_reader_leaves()
    {
        var n1 = _broker.Listen("n1");
        var reader = _broker.ReadAsync(new Wire.LogSelector { TaskIds = { "web-1" } }, new Wire.LogSubscriptionOptions(), CancellationToken.None).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var first = reader.MoveNextAsync().AsTask();
        var subscription = _broker.Begin((await Told(n1)).Id, "n1")!;
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 2 * LogSubscription.Capacity; i++)
                await subscription.WriteAsync([Line("n1", "x")], CancellationToken.None);
        }, TestContext.Current.CancellationToken);
        await first;
        await reader.DisposeAsync();
        await writing.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Null(_broker.Begin(subscription.Id, "n1"));
    }

    [Fact]
    public async Task More_readers_than_allowed_are_refused_until_one_leaves()
    {
        using var stop = new CancellationTokenSource();
        var readings = Enumerable.Range(0, 3).Select(_ => Read(Service("web"), follow: true, [], stop.Token)).ToList();
        var refused = await Assert.ThrowsAsync<ControlException>(() => Read(Service("web")));
        Assert.Equal(ControlError.Unavailable, refused.Error);
        await stop.CancelAsync();
        foreach (var reading in readings)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Assert.Empty(await Read(Service("nosuch")));
    }

    [Fact]
    public async Task When_the_manager_stops_readers_are_told()
    {
        _broker.Listen("n1");
        var reading = Read(Service("web"), follow: true, []);
        _broker.Dispose();
        Assert.Equal(ControlError.Unavailable, (await Assert.ThrowsAsync<ControlException>(() => reading)).Error);
        await Assert.ThrowsAsync<ControlException>(() => Read(Service("web")));
    }

    public void Dispose()
    {
        _broker.Dispose();
        _store.Dispose();
    }

    private static Wire.LogSelector Service(string id) => new() { ServiceIds = { id } };

    private static Wire.LogMessage Line(string node, string text) => new() { Context = new Wire.LogContext { NodeId = node }, Data = ByteString.CopyFromUtf8(text) };

    private static Mutation Runs(string task) => new() { SetTaskStatus = new SetTaskStatus { TaskId = task, Status = new Wire.TaskStatus { State = Wire.TaskState.Running } } };

    private void Apply(params Mutation[] mutations) => _store.Apply(Batches.Of(DateTimeOffset.UnixEpoch, mutations));

    private async Task<List<string>> Read(Wire.LogSelector selector, bool follow = false, List<string>? lines = null, CancellationToken cancellation = default)
    {
        lines ??= [];
        await foreach (var message in _broker.ReadAsync(selector, new Wire.LogSubscriptionOptions { Follow = follow, Tail = -6 }, cancellation))
            lines.Add(message.Data.ToStringUtf8());
        return lines;
    }

    private async Task Publish(string id, string node, string text)
    {
        var subscription = _broker.Begin(id, node);
        Assert.NotNull(subscription);
        await subscription.WriteAsync([Line(node, text)], CancellationToken.None);
        _broker.Done(subscription, node, null);
    }

    /// <summary>The one thing that a node is told next.</summary>
    private async Task<Wire.SubscriptionMessage> Told(LogListener listener)
    {
        List<Wire.SubscriptionMessage> news = [];
        await Until(() => (news = _broker.NewsOf(listener)).Count > 0);
        return Assert.Single(news);
    }

    private static async Task Until(Func<bool> condition)
    {
        for (var i = 0; i < 500; i++)
        {
            if (condition())
                return;
            await Task.Delay(10);
        }
        Assert.Fail("it did not come about");
    }
}
