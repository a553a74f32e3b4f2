using Skep.State;

namespace Skep.Simulation.Invariants;

/// <summary>The reservations of the tasks on a node are never more than the node has.</summary>
internal sealed class ResourcesFit : IStateInvariant
{
    public string Name => "no resource is given twice";

    public string? Check(ClusterState state, IReadOnlyList<Change> changes)
    {
        foreach (var nodeId in changes.OfType<TaskChange>().Where(c => c.New is { State: Wire.TaskState.Assigned }).Select(c => c.New!.NodeId).Distinct())
        {
            if (!state.Nodes.TryGetValue(nodeId, out var node))
                continue;
            // Global tasks come with their node and are counted too, since the scheduler checks them as well.
            var reserved = state.Tasks.OnNode(nodeId)
                .Where(t => t.State is >= Wire.TaskState.Assigned and <= Wire.TaskState.Running)
                .Sum(t => t.Spec.Spec.Resources?.Reservations?.NanoCpus ?? 0);
            if (reserved > (node.Description?.Resources?.NanoCpus ?? 0))
                return $"node {nodeId} has {node.Description?.Resources?.NanoCpus} nano CPUs, and {reserved} are reserved";
        }
        return null;
    }
}
