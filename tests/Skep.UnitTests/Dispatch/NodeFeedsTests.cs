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
    private int _news;
    private int _urgent;

    public NodeFeedsTests()
    {
        _feeds = new NodeFeeds(_manager.Store);
        _feed = _feeds.Open("n1", ofTasks: true, isUrgent =>
        {
            _news++;
            if (isUrgent)
                _urgent++;
        });
        _manager.Commit(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
    }

    [Fact]
    public void A_node_is_woken_for_a_task_that_it_gets()
    {
        Assert.Equal(["web-1"], _feed.Take()!);
        Assert.Equal(1, _urgent);
    }

    [Fact]
    public void A_node_is_not_woken_for_what_it_reported_itself()
    {
        _feed.Take();
        Report("web-1", Wire.TaskState.Preparing);
        Report("web-1", Wire.TaskState.Running);
        Assert.Empty(_feed.Take()!);
    }

    [Fact]
    public void A_node_is_woken_when_its_task_has_ended()
    {
        _feed.Take();
        Report("web-1", Wire.TaskState.Failed);
        Assert.Equal(["web-1"], _feed.Take()!);
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
    public void A_node_is_told_of_what_it_is_itself_by_a_feed_of_that_alone()
    {
        var news = new List<bool>();
        using var facts = _feeds.Open("n1", ofTasks: false, news.Add);
        _manager.Commit(Batches.Tasks("web", 2), Batches.Assign("web-2", "n1"));
        Assert.Empty(news);
        var before = _news;
        _feeds.Wake("n1");
        Assert.Equal([false], news);
        Assert.Equal(before, _news);
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
