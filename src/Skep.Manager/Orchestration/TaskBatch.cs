using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>
/// Task changes of one rule in one turn. Creations are gathered into one mutation per service and removals into one for all;
/// they are in the state only after <see cref="Flush"/>, desired states at once.
/// </summary>
internal sealed class TaskBatch(Turn turn)
{
    private readonly Dictionary<string, CreateTasks> _created = [];
    private readonly HashSet<string> _removed = [];
    private int _pending;

    public ClusterState State => turn.State;

    public DateTimeOffset Now => turn.Now;

    /// <summary>What was gathered counts too: the turn's budget is used up.</summary>
    public bool Exhausted => IsExhausted(forSmall: false);

    public bool IsExhausted(bool forSmall) => turn.IsExhausted(forSmall) || turn.BudgetOf(forSmall) <= _pending;

    /// <summary>A new task of the service at its present spec.</summary>
    public string Create(string serviceId, SlotKey slot, Wire.TaskState desired)
    {
        if (!_created.TryGetValue(serviceId, out var create))
            _created[serviceId] = create = new CreateTasks { ServiceId = serviceId };
        var id = turn.Ids.NextId();
        create.Tasks.Add(new NewTask { Id = id, Slot = slot.Slot, NodeId = slot.NodeId, DesiredState = desired });
        _pending++;
        return id;
    }

    /// <summary>Moves a task's desired state forward; it never goes back.</summary>
    public void SetDesired(TaskRecord task, Wire.TaskState desired)
    {
        if (task.DesiredState < desired)
            turn.Emit(new Mutation { SetTaskDesiredState = new SetTaskDesiredState { TaskId = task.Id, DesiredState = desired } });
    }

    public void SetDesired(IEnumerable<TaskRecord> tasks, Wire.TaskState desired)
    {
        foreach (var task in tasks)
            SetDesired(task, desired);
    }

    public void SetStatus(TaskRecord task, Wire.TaskStatus status) =>
        turn.Emit(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = task.Id, Status = status } });

    public void Remove(TaskRecord task)
    {
        if (_removed.Add(task.Id))
            _pending++;
    }

    public void Put(Wire.Service service) => turn.Emit(new Mutation { PutService = new PutService { Service = service } });

    public void Flush()
    {
        foreach (var create in _created.Values)
            turn.Emit(new Mutation { CreateTasks = create });
        if (_removed.Count > 0)
            turn.Emit(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { _removed } } });
        _created.Clear();
        _removed.Clear();
        _pending = 0;
    }
}
