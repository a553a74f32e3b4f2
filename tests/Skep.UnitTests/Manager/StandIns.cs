using Skep.Manager;
using Skep.State;

namespace Skep.UnitTests.Manager;

/// <summary>A task that runs is allocated at once: nothing to allocate in tests of other rules.</summary>
public sealed class StandInAllocator : TaskStageRule
{
    protected override bool Wants(TaskRecord task) => task.State == Wire.TaskState.New;

    protected override void Do(Turn turn, TaskRecord task)
    {
        // The allocator owns a service's endpoint, and tasks take it from there.
        if (turn.State.Services.TryGetValue(task.ServiceId, out var service) && !Equals(service.Spec.Endpoint, service.Endpoint?.Spec))
        {
            service = service.Clone();
            service.Endpoint = new Wire.Endpoint { Spec = service.Spec.Endpoint?.Clone() };
            turn.Emit(new Mutation { PutService = new PutService { Service = service } });
        }
        turn.Emit(new Mutation { AllocateTask = new AllocateTask { TaskId = task.Id } });
    }
}

/// <summary>Puts tasks on the nodes that take any, in turn.</summary>
public sealed class StandInScheduler : TaskStageRule
{
    private int _next;
    private Turn? _turn;
    private List<string> _nodes = [];

    protected override bool Wants(TaskRecord task) => task.State == Wire.TaskState.Pending;

    protected override void Do(Turn turn, TaskRecord task)
    {
        var node = task.NodeId;
        if (node.Length == 0)
        {
            if (turn != _turn)
                (_turn, _nodes) = (turn, UsableNodes(turn.State));
            if (_nodes.Count == 0)
            {
                Later(task);
                return;
            }
            node = _nodes[_next++ % _nodes.Count];
        }
        turn.Emit(new Mutation { AssignTask = new AssignTask { TaskId = task.Id, NodeId = node } });
    }

    private static List<string> UsableNodes(ClusterState state) => [.. state.Nodes.Values
        .Where(n => n.Status.State == Wire.NodeStatus.Types.State.Ready && n.Spec.Availability == Wire.NodeSpec.Types.Availability.Active)
        .Select(n => n.Id)
        .Order(StringComparer.Ordinal)];
}

/// <summary>A rule that takes tasks from one state to the next.</summary>
public abstract class TaskStageRule : IRule
{
    private readonly Queue<string> _tasks = [];
    private readonly List<string> _later = [];

    public bool HasWork => _tasks.Count > 0;

    public DateTimeOffset? NextDue => null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _tasks.Clear();
        _later.Clear();
        foreach (var task in state.Tasks.All.Where(Wants))
            _tasks.Enqueue(task.Id);
    }

    public void Note(Change change)
    {
        if (change is TaskChange { New: { } task } && Wants(task))
            _tasks.Enqueue(task.Id);
        if (change is not NodeChange)
            return;
        _later.ForEach(_tasks.Enqueue);
        _later.Clear();
    }

    public void Run(Turn turn)
    {
        while (!turn.Exhausted && _tasks.TryDequeue(out var id))
        {
            if (turn.State.Tasks.Find(id) is { DesiredState: <= Wire.TaskState.Running } task && Wants(task))
                Do(turn, task);
        }
    }

    protected abstract bool Wants(TaskRecord task);

    protected abstract void Do(Turn turn, TaskRecord task);

    protected void Later(TaskRecord task) => _later.Add(task.Id);
}
