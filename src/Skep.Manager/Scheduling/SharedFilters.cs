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

    private readonly Dictionary<Demand, NodeFilters> _byDemand = [];

    public NodeFilters Of(ClusterState state, TaskRecord task)
    {
        var spec = task.Spec.Spec;
        var plugins = RequiredPlugins.Of(spec, NetworkDrivers(state, task));
        var ofNode = NodeFilters.Describe(spec, plugins);
        var reserved = spec.Resources?.Reservations;
        // Seldom, and what they come to is not compared at the cost of a look-up.
        if (reserved is { Generic.Count: > 0 } || spec.Placement is { MaxReplicas: > 0 } || NodeLoad.HostPorts(task.Endpoint).Any())
            return new NodeFilters(task, plugins, ofNode);
        var demand = new Demand(ofNode, reserved?.NanoCpus ?? 0, reserved?.MemoryBytes ?? 0);
        if (_byDemand.TryGetValue(demand, out var filters))
            return filters;
        if (_byDemand.Count >= MaxDemands)
            _byDemand.Clear();
        return _byDemand[demand] = new NodeFilters(task, plugins, ofNode);
    }

    private static IReadOnlyCollection<string> NetworkDrivers(ClusterState state, TaskRecord task)
    {
        if (task.Attachments.Count == 0)
            return [];
        List<string> drivers = [];
        foreach (var attachment in task.Attachments)
        {
            if (state.Networks.GetValueOrDefault(attachment.NetworkId)?.DriverState?.Name is { Length: > 0 } name && !drivers.Contains(name))
                drivers.Add(name);
        }
        return drivers;
    }

    private readonly record struct Demand(string OfNode, long NanoCpus, long MemoryBytes);
}
