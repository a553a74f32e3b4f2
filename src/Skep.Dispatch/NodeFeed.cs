namespace Skep.Dispatch;

/// <summary>The changes that one stream has still to look at.</summary>
/// <param name="nodeId">Whose.</param>
/// <param name="ofTasks">Of its tasks, or else of the node itself, the cluster and the managers.</param>
/// <param name="onNews">Called, on the thread that changes the state, when there is news; true: it is urgent, or the stream must end.</param>
/// <param name="close">Called at its end.</param>
internal sealed class NodeFeed(string nodeId, bool ofTasks, Action<bool> onNews, Action<NodeFeed> close) : IDisposable
{
    private readonly Lock _lock = new();
    private HashSet<string> _tasks = [];
    private bool _broken;

    public string NodeId => nodeId;

    /// <summary>Notes a changed task; null: the node itself, the cluster or the managers changed.</summary>
    /// <param name="taskId">The task.</param>
    /// <param name="isUrgent">It is one of few.</param>
    public void Tell(string? taskId, bool isUrgent = false)
    {
        if ((taskId is null) == ofTasks)
            return;
        if (taskId is not null)
        {
            lock (_lock)
                _tasks.Add(taskId);
        }
        onNews(isUrgent);
    }

    /// <summary>The state was replaced: the stream must end.</summary>
    public void Break()
    {
        lock (_lock)
            _broken = true;
        onNews(true);
    }

    /// <summary>Takes the tasks that were noted. Null: the stream must end.</summary>
    public IReadOnlyCollection<string>? Take()
    {
        lock (_lock)
        {
            if (_broken)
                return null;
            var taken = _tasks;
            _tasks = [];
            return taken;
        }
    }

    public void Dispose() => close(this);
}
