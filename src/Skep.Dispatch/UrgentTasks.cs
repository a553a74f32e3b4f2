using Skep.State;
using Skep.Wire;

namespace Skep.Dispatch;

/// <summary>
/// The tasks of small services that a node was told of and that it has not yet started. Someone waits for a service of one replica; nobody for a certain one of
/// a hundred thousand.
/// </summary>
internal sealed class UrgentTasks
{
    /// <summary>A service of so many tasks is small.</summary>
    public const int MaxTasks = 100;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _tasks = [];

    public bool Any
    {
        get
        {
            lock (_lock)
                return _tasks.Count > 0;
        }
    }

    /// <summary>The node is told of a task for the first time.</summary>
    public void Told(ClusterState state, TaskRecord task)
    {
        if (task.State >= TaskState.Running || state.Tasks.OfService(task.ServiceId).Count > MaxTasks)
            return;
        lock (_lock)
            _tasks.Add(task.Id);
    }

    /// <summary>It need not start the task any more.</summary>
    public void Remove(string taskId)
    {
        lock (_lock)
            _tasks.Remove(taskId);
    }

    /// <summary>What the node says of its tasks.</summary>
    public void Note(IEnumerable<UpdateTaskStatusRequest.Types.TaskStatusUpdate> updates)
    {
        lock (_lock)
        {
            if (_tasks.Count == 0)
                return;
            foreach (var update in updates)
            {
                if (update.Status.State >= TaskState.Running)
                    _tasks.Remove(update.TaskId);
            }
        }
    }
}
