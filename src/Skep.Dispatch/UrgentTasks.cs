using Skep.Manager;
using Skep.State;
using Skep.Wire;

namespace Skep.Dispatch;

/// <summary>The tasks of <see cref="SmallServices"/> that a node was told of and that it has not yet started.</summary>
internal sealed class UrgentTasks
{
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

    /// <summary>Whether something is said of one of them.</summary>
    public bool HasOneOf(IReadOnlyList<UpdateTaskStatusRequest.Types.TaskStatusUpdate> updates)
    {
        lock (_lock)
            return _tasks.Count > 0 && updates.Any(update => _tasks.Contains(update.TaskId));
    }

    /// <summary>The node is told of a task for the first time.</summary>
    public void Told(ClusterState state, TaskRecord task)
    {
        if (task.State >= TaskState.Running || !SmallServices.Has(state, task))
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
