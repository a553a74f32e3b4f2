using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// The filters of tasks. Specs that ask the same of a node share theirs: a hundred thousand services that ask for nothing in particular need one, and to
/// make it for each would take longer than to place their tasks.
/// </summary>
internal sealed class SharedFilters
{
    /// <summary>Different demands that are remembered; a bound on memory.</summary>
    private const int MaxDemands = 256;

    private readonly Dictionary<(NodeDemand OfNode, long NanoCpus, long MemoryBytes), NodeFilters> _byDemand = [];

    public NodeFilters Of(ClusterState state, TaskRecord task)
    {
        var spec = task.Spec.Spec;
        var ofNode = NodeDemand.Of(state, task);
        var reserved = spec.Resources?.Reservations;
        // These are seldom or of one service alone.
        if (reserved is { Generic.Count: > 0 } || spec.Placement is { MaxReplicas: > 0 } || NodeLoad.HostPorts(task.Endpoint).Any())
            return new NodeFilters(task, ofNode);
        var demand = (ofNode, reserved?.NanoCpus ?? 0, reserved?.MemoryBytes ?? 0);
        if (_byDemand.TryGetValue(demand, out var filters))
            return filters;
        if (_byDemand.Count >= MaxDemands)
            _byDemand.Clear();
        return _byDemand[demand] = new NodeFilters(task, ofNode);
    }
}
