using Skep.State;

namespace Skep.Api.Swarm;

/// <summary>Which nodes host managers, and how those are.</summary>
internal sealed class ManagerStatuses
{
    private readonly Dictionary<string, Types.ManagerStatus> _byNode = [];

    public ManagerStatuses(ClusterState state, SwarmStatus status)
    {
        foreach (var manager in state.Managers.Values)
        {
            var reachable = !status.UnreachableManagers.Contains(manager.Id);
            if (reachable)
                Reachable++;
            else
                Unreachable++;
            if (manager.NodeId.Length == 0)
                continue;
            _byNode[manager.NodeId] = new Types.ManagerStatus
            {
                Leader = manager.Id == status.LeaderId,
                Reachability = reachable ? "reachable" : "unreachable",
                Addr = manager.Addr,
            };
        }
    }

    public int Reachable { get; }

    public int Unreachable { get; }

    /// <summary>Null for a node without manager.</summary>
    public Types.ManagerStatus? Of(string nodeId) => _byNode.GetValueOrDefault(nodeId);
}
