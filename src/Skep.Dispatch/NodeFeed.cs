namespace Skep.Dispatch;

/// <summary>The changes that one stream has still to look at: which tasks, and whether the session's own facts changed.</summary>
internal sealed class NodeFeed(string nodeId, Action<NodeFeed> close) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private HashSet<string> _tasks = [];
    private bool _facts;
    private bool _broken;

    public string NodeId => nodeId;

    /// <summary>Notes a changed task; null: the node itself, the cluster or the managers changed.</summary>
    public void Tell(string? taskId)
    {
        lock (_lock)
        {
            if (taskId is null)
                _facts = true;
            else
                _tasks.Add(taskId);
            Wake();
        }
    }

    /// <summary>The state was replaced: the stream must end.</summary>
    public void Break()
    {
        lock (_lock)
        {
            _broken = true;
            Wake();
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
            return taken;
        }
    }

    public void Dispose() => close(this);

    // The semaphore is not disposed: a change may be told while the stream ends, and it holds no handle.
    private void Wake()
    {
        if (_news.CurrentCount == 0)
            _news.Release();
    }
}
