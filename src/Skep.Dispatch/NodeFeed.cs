namespace Skep.Dispatch;

/// <summary>The changes that one stream has still to look at: which tasks, and whether the session's own facts changed.</summary>
internal sealed class NodeFeed(string nodeId, bool withTasks, Action<NodeFeed> close) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Signal _news = new();
    // More is not waited for: there is urgent news, or the time is over.
    private TaskCompletionSource _gathered = New();
    private HashSet<string> _tasks = [];
    private bool _facts;
    private bool _broken;

    public string NodeId => nodeId;

    /// <summary>Called when there is news that others should wait for.</summary>
    public Action? OnUrgent { get; set; }

    /// <summary>Lets news gather for so long, unless there is urgent news, which was not taken yet.</summary>
    public async Task GatherAsync(TimeSpan patience, TimeProvider time, CancellationToken ended)
    {
        var over = Volatile.Read(ref _gathered);
        using var timer = time.CreateTimer(static over => ((TaskCompletionSource)over!).TrySetResult(), over, patience, Timeout.InfiniteTimeSpan);
        using var registration = ended.UnsafeRegister(static over => ((TaskCompletionSource)over!).TrySetResult(), over);
        await over.Task;
    }

    /// <summary>Notes a changed task; null: the node itself, the cluster or the managers changed.</summary>
    /// <param name="taskId">The task.</param>
    /// <param name="isUrgent">It is one of few.</param>
    public void Tell(string? taskId, bool isUrgent = false)
    {
        if (taskId is not null && !withTasks)
            return;
        lock (_lock)
        {
            if (taskId is null)
                _facts = true;
            else
                _tasks.Add(taskId);
            _news.Set();
            if (isUrgent)
                _gathered.TrySetResult();
        }
        if (isUrgent)
            OnUrgent?.Invoke();
    }

    /// <summary>The state was replaced: the stream must end.</summary>
    public void Break()
    {
        lock (_lock)
        {
            _broken = true;
            _news.Set();
            _gathered.TrySetResult();
        }
    }

    public Task WaitAsync(CancellationToken cancellation) => _news.WaitAsync(cancellation);

    /// <summary>Takes what was noted. Null: the stream must end.</summary>
    public (IReadOnlyCollection<string> Tasks, bool Facts)? Take()
    {
        lock (_lock)
        {
            if (_broken)
                return null;
            var taken = (_tasks, _facts);
            _tasks = [];
            _facts = false;
            if (_gathered.Task.IsCompleted)
                _gathered = New();
            return taken;
        }
    }

    public void Dispose() => close(this);

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
