using Skep.Rpc;

namespace Skep.Agent;

/// <summary>The state of a task, as it is to be reported.</summary>
/// <param name="Since">When the task came to this state.</param>
/// <param name="Error">Empty unless it failed.</param>
public readonly record struct TaskReport(string TaskId, Wire.TaskState State, DateTimeOffset Since, string Error);

/// <summary>
/// What is still to be reported: one report a task, since a newer state replaces an older one that has not been sent. Many put, one takes. In no order, as
/// engines do (theirs is that of a Go map).
/// </summary>
/// <param name="random">Its own.</param>
public sealed class ReportQueue(Random random)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskReport> _waiting = [];
    private readonly List<string> _tasks = [];

    // Whoever puts holds locks; and what he puts next may replace what he has just put.
    private readonly Wakeup _news = new(elsewhere: true);

    public int Count
    {
        get
        {
            lock (_lock) return _waiting.Count;
        }
    }

    /// <summary>A state older than the one that waits is dropped.</summary>
    public void Put(TaskReport report)
    {
        lock (_lock)
        {
            if (!_waiting.TryGetValue(report.TaskId, out var older))
                _tasks.Add(report.TaskId);
            else if (older.State > report.State)
                return;
            _waiting[report.TaskId] = report;
        }
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
                _waiting.Remove(_tasks[at], out var report);
                taken.Add(report);
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
            _waiting.Clear();
            _tasks.Clear();
        }
    }

    /// <summary>Returns when there may be something to take, or at <see cref="Wake"/>. One at a time.</summary>
    public ValueTask WaitAsync()
    {
        lock (_lock)
            return _waiting.Count > 0 ? default : _news.Arm();
    }

    /// <summary>Ends the wait of him who waits, if anyone does.</summary>
    public void Wake() => _news.Set();
}
