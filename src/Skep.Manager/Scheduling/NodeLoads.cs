using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>All nodes with what their tasks hold of them.</summary>
internal sealed class NodeLoads
{
    private readonly Dictionary<string, NodeLoad> _byId = [];
    private readonly List<NodeLoad> _sorted = [];

    /// <summary>By id, so that equal states lead to equal choices.</summary>
    public IReadOnlyList<NodeLoad> Sorted => _sorted;

    public NodeLoad? Find(string nodeId) => _byId.GetValueOrDefault(nodeId);

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _byId.Clear();
        _sorted.Clear();
        foreach (var node in state.Nodes.Values.OrderBy(node => node.Id, StringComparer.Ordinal))
            _sorted.Add(Add(state, node));
        // Of failures only those are known that are still in the history; better than to start with none.
        foreach (var task in state.Tasks.All)
        {
            if (IsFailure(task) && now - task.UpdatedAt < NodeLoad.FailureWindow)
                Find(task.NodeId)?.AddFailure(task.Spec, task.UpdatedAt);
        }
    }

    public void Put(ClusterState state, Wire.Node node)
    {
        if (Find(node.Id) is { } load)
            load.Node = node;
        else
            _sorted.Insert(~IndexOf(node.Id), Add(state, node));
    }

    public void Remove(string nodeId)
    {
        if (_byId.Remove(nodeId))
            _sorted.RemoveAt(IndexOf(nodeId));
    }

    public void UpdateRole(ClusterState state, string nodeId)
    {
        if (Find(nodeId) is { } load)
            load.Role = NodeRoles.Of(state, load.Node);
    }

    /// <summary>Follows the change of a task.</summary>
    public LoadChange Update(TaskRecord? old, TaskRecord? task)
    {
        if (old is { IsTerminal: false } && task is not null && IsFailure(task))
            Find(task.NodeId)?.AddFailure(task.Spec, task.UpdatedAt);
        var held = old is not null && Holds(old);
        var holds = task is not null && Holds(task);
        // Most changes are reports of progress, which hold no more and no less.
        if (held == holds && (!held || (old!.NodeId == task!.NodeId && IsWanted(old) == IsWanted(task))))
            return LoadChange.None;
        if (held)
            Find(old!.NodeId)?.Remove(old);
        if (holds)
            Find(task!.NodeId)?.Add(task);
        return held ? LoadChange.Freer : LoadChange.Fuller;
    }

    private NodeLoad Add(ClusterState state, Wire.Node node)
    {
        var load = new NodeLoad(node) { Role = NodeRoles.Of(state, node) };
        foreach (var task in state.Tasks.OnNode(node.Id))
        {
            if (Holds(task))
                load.Add(task);
        }
        _byId.Add(node.Id, load);
        return load;
    }

    private int IndexOf(string nodeId)
    {
        int low = 0, high = _sorted.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = string.CompareOrdinal(_sorted[middle].Node.Id, nodeId);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return ~low;
    }

    // A task takes room from its assignment until it has ended, also while it is being stopped.
    private static bool Holds(TaskRecord task) => task.NodeId.Length > 0 && task.State is >= Wire.TaskState.Assigned and <= Wire.TaskState.Running;

    private static bool IsWanted(TaskRecord task) => task.DesiredState <= Wire.TaskState.Complete;

    // The node of a global task was not the scheduler's choice, so its failures do not speak against it.
    private static bool IsFailure(TaskRecord task) =>
        task.State is Wire.TaskState.Failed or Wire.TaskState.Rejected && task is { Slot: > 0, NodeId.Length: > 0 };
}

/// <summary>What a change of a task does to its node.</summary>
internal enum LoadChange
{
    None,

    /// <summary>One task more, and nothing else.</summary>
    Fuller,

    /// <summary>The node may have more room than before.</summary>
    Freer,
}
