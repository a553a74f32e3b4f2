namespace Skep.Agent;

/// <summary>The state of a task, as it is to be reported.</summary>
/// <param name="Since">When the task came to this state.</param>
/// <param name="Error">Empty unless it failed.</param>
public readonly record struct TaskReport(string TaskId, Wire.TaskState State, DateTimeOffset Since, string Error);

/// <summary>
/// What is still to be reported, oldest first: one report a task, since a newer state replaces an older one that has not been sent. Many put, one takes.
/// </summary>
public sealed class ReportQueue
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskReport> _waiting = [];
    private readonly Queue<string> _order = [];
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
                _order.Enqueue(report.TaskId);
            else if (older.State > report.State)
                return;
            _waiting[report.TaskId] = report;
            _news.TrySetResult();
        }
    }

    /// <summary>Takes up to so many; those which are not delivered are to be put back.</summary>
    public IReadOnlyList<TaskReport> Take(int most)
    {
        lock (_lock)
        {
            var taken = new List<TaskReport>(Math.Min(most, _order.Count));
            while (taken.Count < most && _order.TryDequeue(out var id) && _waiting.Remove(id, out var report))
                taken.Add(report);
            return taken;
        }
    }

    /// <summary>Returns when there may be something to take.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        Task news;
        lock (_lock)
        {
            if (_waiting.Count > 0)
                return;
            if (_news.Task.IsCompleted)
                _news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            news = _news.Task;
        }
        await news.WaitAsync(cancellation).ConfigureAwait(false);
    }
}
