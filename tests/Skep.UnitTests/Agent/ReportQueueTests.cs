using Skep.Agent;
using Xunit;

namespace Skep.UnitTests.Agent;

public sealed class ReportQueueTests
{
    private readonly ReportQueue _queue = new(new Random(1));
    private readonly Dictionary<string, ReportedTask> _tasks = [];

    [Fact]
    public void A_newer_state_replaces_the_one_that_waits()
    {
        Put("a", Wire.TaskState.Accepted);
        Put("b", Wire.TaskState.Accepted);
        Put("a", Wire.TaskState.Running);
        Assert.Equal([("a", Wire.TaskState.Running), ("b", Wire.TaskState.Accepted)], Take(1).Concat(Take(1)).Order());
        Assert.Empty(Take(1));
    }

    [Fact]
    public void A_report_that_was_not_delivered_never_replaces_a_newer_one()
    {
        Put("a", Wire.TaskState.Preparing);
        var undelivered = TakeReports(1);
        Put("a", Wire.TaskState.Running);
        _queue.Put(undelivered[0]);
        Assert.Equal([("a", Wire.TaskState.Running)], Take(5));
    }

    [Fact]
    public void A_report_that_was_not_delivered_is_taken_again()
    {
        Put("a", Wire.TaskState.Running);
        _queue.Put(TakeReports(1)[0]);
        Assert.Equal(1, _queue.Count);
        Assert.Equal([("a", Wire.TaskState.Running)], Take(1));
    }

    [Fact]
    public void A_batch_takes_no_more_than_it_may()
    {
        foreach (var id in new[] { "a", "b", "c" })
            Put(id, Wire.TaskState.Running);
        List<string> taken = [.. Take(2).Select(t => t.Id)];
        Assert.Equal(2, taken.Count);
        taken.AddRange(Take(2).Select(t => t.Id));
        Assert.Equal(["a", "b", "c"], taken.Order());
    }

    [Fact]
    public void Which_is_taken_first_depends_on_chance_as_with_engines()
    {
        var first = new HashSet<string>();
        for (var round = 0; round < 100; round++)
        {
            Put("a", Wire.TaskState.Running);
            Put("b", Wire.TaskState.Running);
            first.Add(Take(1).Single().Id);
            Take(1);
        }
        Assert.Equal(2, first.Count);
    }

    [Fact]
    public async Task Waiting_ends_with_the_next_report_and_not_before()
    {
        Put("a", Wire.TaskState.Running);
        await _queue.WaitAsync().AsTask();
        Take(1);
        var waiting = _queue.WaitAsync().AsTask();
        Assert.False(waiting.IsCompleted);
        Put("b", Wire.TaskState.Running);
        await waiting.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Waiting_ends_when_the_session_does()
    {
        var waiting = _queue.WaitAsync().AsTask();
        _queue.Wake();
        await waiting.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Empty(Take(1));
    }

    [Fact]
    public void A_node_that_forgot_its_tasks_reports_none()
    {
        Put("a", Wire.TaskState.Running);
        _queue.Clear();
        Assert.Empty(Take(1));
        Put("a", Wire.TaskState.Accepted);
        Assert.Equal([("a", Wire.TaskState.Accepted)], Take(5));
    }

    private void Put(string id, Wire.TaskState state)
    {
        if (!_tasks.TryGetValue(id, out var task))
            _tasks[id] = task = new ReportedTask(id);
        _queue.Put(new TaskReport(task, state, default, ""));
    }

    private List<(string Id, Wire.TaskState State)> Take(int most) => [.. TakeReports(most).Select(r => (r.Task.Id, r.State))];

    private List<TaskReport> TakeReports(int most)
    {
        var taken = new List<TaskReport>();
        _queue.Take(taken, most);
        return taken;
    }
}
