using Google.Protobuf;
using Skep.Manager.Scheduling;
using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>Tells which tasks of a service are outdated (SwarmKit's IsTaskDirty).</summary>
/// <remarks>
/// Tasks share their spec records, so specs are compared once per record and a service's 70,000 tasks cost a reference
/// comparison each. Good for one look at one service: make a new one when the service or a node changed.
/// </remarks>
internal sealed class TaskComparison
{
    private static readonly Wire.EndpointSpec NoEndpoint = new();

    private readonly ClusterState _state;
    private readonly Wire.Service _service;
    private readonly TaskSpecRecord? _current;
    private readonly Dictionary<TaskSpecRecord, SpecDifference> _differences = [];
    private IReadOnlyList<Constraint>? _constraints;

    public TaskComparison(ClusterState state, Wire.Service service)
    {
        _state = state;
        _service = service;
        _current = state.TaskSpecOf(service.Id);
    }

    private enum SpecDifference
    {
        None,
        PlacementOnly,
        PullOptionsOnly,
        Other,
    }

    /// <summary>The slot has to be touched: its one task is outdated, or there is more than one.</summary>
    public bool IsOutdated(IReadOnlyList<TaskRecord> slot) => slot.Count > 1 || (slot.Count == 1 && IsOutdated(slot[0]));

    public bool IsOutdated(TaskRecord task)
    {
        var difference = Difference(task.Spec);
        if (difference == SpecDifference.PlacementOnly && SatisfiesConstraints(task))
            return false;
        // How an image is pulled does not matter to a task that has its image.
        var same = difference == SpecDifference.None
            || (difference == SpecDifference.PullOptionsOnly && task.DesiredState <= Wire.TaskState.Running
                && task.State is >= Wire.TaskState.Ready and <= Wire.TaskState.Running);
        return !same || EndpointDiffers(task);
    }

    private SpecDifference Difference(TaskSpecRecord spec)
    {
        if (ReferenceEquals(spec, _current))
            return SpecDifference.None;
        if (!_differences.TryGetValue(spec, out var difference))
            _differences[spec] = difference = Compare(spec.Spec, _service.Spec.Task ?? new Wire.TaskSpec());
        return difference;
    }

    private static SpecDifference Compare(Wire.TaskSpec old, Wire.TaskSpec current)
    {
        if (old.Equals(current))
            return SpecDifference.None;
        var adapted = current.Clone();
        adapted.Placement = old.Placement;
        if (old.Equals(adapted))
            return SpecDifference.PlacementOnly;
        if (old.Container is null || current.Container is null)
            return SpecDifference.Other;
        adapted = current.Clone();
        adapted.Container.PullOptions = old.Container.PullOptions;
        return old.Equals(adapted) ? SpecDifference.PullOptionsOnly : SpecDifference.Other;
    }

    private bool SatisfiesConstraints(TaskRecord task)
    {
        if (!_state.Nodes.TryGetValue(task.NodeId, out var node))
            return false;
        _constraints ??= Eligibility.ConstraintsOf(_service);
        return Constraint.Match(_constraints, node, NodeRoles.Of(_state, node));
    }

    private bool EndpointDiffers(TaskRecord task)
    {
        // Before it is allocated, a task has no endpoint: it will get the present one.
        if (task.State < Wire.TaskState.Pending)
            return false;
        IMessage present = _service.Spec.Endpoint ?? NoEndpoint;
        return !present.Equals(task.Endpoint?.Spec ?? NoEndpoint);
    }
}
