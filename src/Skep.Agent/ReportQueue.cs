using Skep.Rpc;

namespace Skep.Agent;

/// <summary>A task as the queue of reports knows it: what waits is kept with the task, since looking it up by id was a sixth of what a simulated engine cost.</summary>
public sealed class ReportedTask(string id)
{
    public string Id { get; } = id;

    /// <summary>What of it is still to be reported. The queue's.</summary>
    internal TaskReport? Waiting { get; set; }
}

/// <summary>The state of a task, as it is to be reported.</summary>
/// <param name="Since">When the task came to this state.</param>
/// <param name="Error">Empty unless it failed.</param>
public readonly record struct TaskReport(ReportedTask Task, Wire.TaskState State, DateTimeOffset Since, string Error);

/// <summary>
/// What is still to be reported: one report a task, since a newer state replaces an older one that has not been sent. Many put, one takes. In no order, as
/// engines do (theirs is that of a Go map).
/// </summary>
/// <param name="random">Its own.</param>
public sealed class ReportQueue(Random random)
{
    private readonly Lock _lock = new();
    private readonly List<ReportedTask> _tasks = [];

    // Whoever puts holds locks; and what he puts next may replace what he has just put.
    private readonly Wakeup _news = new(elsewhere: true);

    public int Count
    {
        get
        {
            lock (_lock) return _tasks.Count;
        }
    }

    /// <summary>A state older than the one that waits is dropped.</summary>
    public void Put(TaskReport report)
    {
        var task = report.Task;
        bool isFirst;
        lock (_lock)
        {
            if (task.Waiting is not { } older)
                _tasks.Add(task);
            else if (older.State > report.State)
                return;
            task.Waiting = report;
            isFirst = _tasks.Count == 1;
        }
        // Who takes waits for the first only.
        if (isFirst)
            Wake();
    }

    /// <summary>Takes up to so many; those which are not delivered are to be put back.</summary>
    public void Take(List<TaskReport> taken, int most)
    {
        ArgumentNullException.ThrowIfNull(taken);
        lock (_lock)
        {
            while (taken.Count < most && _tasks.Count > 0)
            {
                var at = random.Next(_tasks.Count);
                var task = _tasks[at];
                taken.Add(task.Waiting!.Value);
                task.Waiting = null;
                _tasks[at] = _tasks[^1];
                _tasks.RemoveAt(_tasks.Count - 1);
            }
        }
    }

    /// <summary>Nothing is to be reported any more: the node has forgotten it all.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (var task in _tasks)
                task.Waiting = null;
            _tasks.Clear();
        }
    }

    /// <summary>Returns when there may be something to take, or at <see cref="Wake"/>. One at a time.</summary>
    public ValueTask WaitAsync()
    {
        lock (_lock)
            return _tasks.Count > 0 ? default : _news.Arm();
    }

    /// <summary>Ends the wait of him who waits, if anyone does.</summary>
    public void Wake() => _news.Set();
}
