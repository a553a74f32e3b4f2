using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// The tasks placed in one turn. Each counts on its node from <see cref="Add"/> on; the state is told of all in one mutation at the end, since a
/// mutation for each task costs more than finding its node.
/// </summary>
internal sealed class AssignmentPlan
{
    private readonly Dictionary<NodeLoad, uint> _nodes = [];
    private readonly List<Mutation> _withGenericResources = [];
    private AssignTasks _assign = new();

    public int Count => _assign.TaskIds.Count + _withGenericResources.Count;

    /// <param name="taskId">The task.</param>
    /// <param name="like">One that asks for the same.</param>
    /// <param name="node">The node that it is to get.</param>
    public void Add(string taskId, TaskRecord like, NodeLoad node)
    {
        if (like.Spec.Spec.Resources?.Reservations is { Generic.Count: > 0 } reserved)
        {
            var chosen = node.ChooseGeneric(reserved.Generic);
            node.Add(like, chosen);
            _withGenericResources.Add(new Mutation { AssignTask = new AssignTask { TaskId = taskId, NodeId = node.Node.Id, GenericResources = { chosen } } });
            return;
        }
        node.Add(like);
        if (!_nodes.TryGetValue(node, out var number))
        {
            _nodes.Add(node, number = (uint)_nodes.Count);
            _assign.NodeIds.Add(node.Node.Id);
        }
        _assign.TaskIds.Add(taskId);
        _assign.Nodes.Add(number);
    }

    /// <summary>Makes the changes; the plan is empty afterwards.</summary>
    public void Emit(Turn turn)
    {
        if (_assign.TaskIds.Count > 0)
            turn.Emit(new Mutation { AssignTasks = _assign });
        foreach (var mutation in _withGenericResources)
            turn.Emit(mutation);
        _assign = new AssignTasks();
        _nodes.Clear();
        _withGenericResources.Clear();
    }
}
