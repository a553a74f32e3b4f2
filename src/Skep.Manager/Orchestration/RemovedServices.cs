using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>A service that is gone has no tasks: they are told to go, and the reaper deletes them when they have.</summary>
public sealed class RemovedServices : IRule
{
    private readonly Queue<string> _tasks = [];
    private readonly Queue<string> _services = [];

    public bool HasWork => _services.Count > 0 || _tasks.Count > 0;

    public DateTimeOffset? NextDue => null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _services.Clear();
        _tasks.Clear();
        foreach (var task in state.Tasks.All)
        {
            if (task.ServiceId.Length > 0 && task.DesiredState < Wire.TaskState.Remove && !state.Services.ContainsKey(task.ServiceId))
                _tasks.Enqueue(task.Id);
        }
    }

    public void Note(Change change)
    {
        if (change is ServiceChange { New: null } removed)
            _services.Enqueue(removed.Old!.Id);
    }

    public void Run(Turn turn)
    {
        while (_services.TryDequeue(out var serviceId))
        {
            foreach (var task in turn.State.Tasks.OfService(serviceId))
                _tasks.Enqueue(task.Id);
        }
        var batch = new TaskBatch(turn);
        while (!batch.Exhausted && _tasks.TryDequeue(out var taskId))
        {
            if (turn.State.Tasks.Find(taskId) is { } task)
                batch.SetDesired(task, Wire.TaskState.Remove);
        }
    }
}
