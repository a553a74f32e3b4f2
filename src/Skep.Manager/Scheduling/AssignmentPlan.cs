using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// The tasks placed in one turn. Each counts on its node from <see cref="Add"/> on; the state is told of all in one mutation at the end, since a
/// mutation for each task costs more than finding its node.
/// </summary>
/// <remarks>It is filled and emptied in every turn of a burst and keeps its room, or each turn would leave garbage large enough for a full collection.</remarks>
internal sealed class AssignmentPlan
{
    private readonly List<string> _taskIds = [];
    private readonly List<uint> _nodes = []; // of each task, in _nodeIds
    private readonly List<string> _nodeIds = [];
    private readonly List<NodeLoad> _numbered = [];
    private readonly List<Mutation> _withGenericResources = [];

    public int Count => _taskIds.Count + _withGenericResources.Count;

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
        if (node.NumberInPlan is not { } number)
        {
            node.NumberInPlan = number = (uint)_nodeIds.Count;
            _nodeIds.Add(node.Node.Id);
            _numbered.Add(node);
        }
        _taskIds.Add(taskId);
        _nodes.Add(number);
    }

    /// <summary>Makes the changes; the plan is empty afterwards.</summary>
    public void Emit(Turn turn)
    {
        if (turn.Format < ClusterState.FormatOfAssignTasks)
            EmitOneByOne(turn);
        else if (_taskIds.Count > 0)
            turn.Emit(new Mutation { AssignTasks = new AssignTasks { NodeIds = { _nodeIds }, TaskIds = { _taskIds }, Nodes = { _nodes } } });
        foreach (var mutation in _withGenericResources)
            turn.Emit(mutation);
        Clear();
    }

    private void EmitOneByOne(Turn turn)
    {
        for (var i = 0; i < _taskIds.Count; i++)
            turn.Emit(new Mutation { AssignTask = new AssignTask { TaskId = _taskIds[i], NodeId = _nodeIds[(int)_nodes[i]] } });
    }

    public void Clear()
    {
        _taskIds.Clear();
        _nodes.Clear();
        _nodeIds.Clear();
        foreach (var node in _numbered)
            node.NumberInPlan = null;
        _numbered.Clear();
        _withGenericResources.Clear();
    }
}
