using Skep.State;

namespace Skep.Simulation.Invariants;

/// <summary>No port is published by two services in ingress mode, and no host port of a node is taken by two of its tasks.</summary>
internal sealed class PortsPublishedOnce : IStateInvariant
{
    public string Name => "no port is given twice";

    public string? Check(ClusterState state, IReadOnlyList<Change> changes)
    {
        if (changes.Any(c => c is ServiceChange))
        {
            var owners = new Dictionary<(Wire.PortConfig.Types.Protocol, uint), string>();
            foreach (var service in state.Services.Values)
            {
                foreach (var port in PortsOf(service.Endpoint, Wire.PortConfig.Types.PublishMode.Ingress))
                {
                    if (!owners.TryAdd(port, service.Id))
                        return $"port {port} is published by {owners[port]} and by {service.Id}";
                }
            }
        }
        foreach (var nodeId in changes.OfType<TaskChange>().Where(c => Holds(c.New)).Select(c => c.New!.NodeId).Distinct())
        {
            var owners = new Dictionary<(Wire.PortConfig.Types.Protocol, uint), string>();
            foreach (var task in state.Tasks.OnNode(nodeId).Where(Holds))
            {
                foreach (var port in PortsOf(task.Endpoint, Wire.PortConfig.Types.PublishMode.Host))
                {
                    if (!owners.TryAdd(port, task.Id))
                        return $"port {port} of node {nodeId} is taken by {owners[port]} and by {task.Id}";
                }
            }
        }
        return null;
    }

    private static bool Holds(TaskRecord? task) =>
        task is { NodeId.Length: > 0, State: >= Wire.TaskState.Assigned and <= Wire.TaskState.Running };

    private static IEnumerable<(Wire.PortConfig.Types.Protocol, uint)> PortsOf(Wire.Endpoint? endpoint, Wire.PortConfig.Types.PublishMode mode) =>
        endpoint?.Ports.Where(p => p.PublishMode == mode && p.PublishedPort != 0).Select(p => (p.Protocol, p.PublishedPort)) ?? [];
}
