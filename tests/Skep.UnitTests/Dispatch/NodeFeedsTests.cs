using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Skep.State;
using Skep.UnitTests.State;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class NodeFeedsTests : IAsyncDisposable
{
    private readonly InMemoryManager _manager = new(TimeProvider.System);
    private readonly NodeFeeds _feeds;
    private readonly NodeFeed _feed;
    private int _urgent;

    public NodeFeedsTests()
    {
        _feeds = new NodeFeeds(_manager.Store);
        _feed = _feeds.Open("n1", withTasks: true);
        _feed.OnUrgent = () => _urgent++;
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
    }

    [Fact]
    public void A_node_is_woken_for_a_task_that_it_gets()
    {
        Assert.Equal(["web-1"], _feed.Take()!.Value.Tasks);
        Assert.Equal(1, _urgent);
    }

    [Fact]
    public void A_node_is_not_woken_for_what_it_reported_itself()
    {
        _feed.Take();
        Report("web-1", Wire.TaskState.Preparing);
        Report("web-1", Wire.TaskState.Running);
        Assert.Empty(_feed.Take()!.Value.Tasks);
    }

    [Fact]
    public void A_node_is_woken_when_its_task_has_ended()
    {
        _feed.Take();
        Report("web-1", Wire.TaskState.Failed);
        Assert.Equal(["web-1"], _feed.Take()!.Value.Tasks);
    }

    [Fact]
    public void Of_many_tasks_of_one_service_none_is_urgent_but_one_of_another_is()
    {
        _manager.Commit(Batches.Tasks("web", [.. Enumerable.Range(2, 200)]));
        _manager.Commit([.. Enumerable.Range(2, 200).Select(slot => Batches.Assign($"web-{slot}", "n1"))]);
        Assert.Equal(1, _urgent);
        _manager.Commit([Batches.Service("api", "box:1"), Batches.Tasks("api", 1), Batches.Tasks("web", [.. Enumerable.Range(300, 200)]),
            .. Enumerable.Range(300, 200).Select(slot => Batches.Assign($"web-{slot}", "n1")), Batches.Assign("api-1", "n1")]);
        Assert.Equal(2, _urgent);
    }

    [Fact]
    public async Task News_of_a_burst_gathers_until_the_time_is_over_or_one_of_few_or_the_end_comes()
    {
        var time = new FakeTimeProvider();
        _feed.Take();
        var gathering = Gather();
        _manager.Commit(Batches.Tasks("web", [.. Enumerable.Range(2, 200)]));
        _manager.Commit([.. Enumerable.Range(2, 200).Select(slot => Batches.Assign($"web-{slot}", "n1"))]);
        time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.False(gathering.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await gathering;
        Assert.Equal(200, _feed.Take()!.Value.Tasks.Count);

        gathering = Gather();
        Assert.False(gathering.IsCompleted);
        _manager.Commit(Batches.Service("api", "box:1"), Batches.Tasks("api", 1), Batches.Assign("api-1", "n1"));
        await gathering;
        // It was not taken yet, so nobody waits for more.
        await Gather();
        _feed.Take();

        using var end = new CancellationTokenSource();
        gathering = _feed.GatherAsync(TimeSpan.FromSeconds(1), time, end.Token);
        Assert.False(gathering.IsCompleted);
        await end.CancelAsync();
        await gathering;
        _feed.Take();

        gathering = Gather();
        Assert.False(gathering.IsCompleted);
        _feed.Break();
        await gathering;

        Task Gather() => _feed.GatherAsync(TimeSpan.FromSeconds(1), time, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        _feed.Dispose();
        _feeds.Dispose();
        await _manager.DisposeAsync();
    }

    private void Report(string task, Wire.TaskState state) =>
        _manager.Commit(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = task, Status = new Wire.TaskStatus { State = state } } });
}
