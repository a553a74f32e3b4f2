using Skep.State;

namespace Skep.Api.Swarm;

/// <summary>Which nodes host managers, and how those are.</summary>
internal sealed class ManagerStatuses
{
    private readonly Dictionary<string, Types.ManagerStatus?> _byNode = [];

    public ManagerStatuses(ClusterState state, SwarmStatus status)
    {
        foreach (var manager in state.Managers.Values.Where(manager => manager.IsMember))
        {
            // While it still catches up it has no vote, and no status.
            _byNode[manager.HostNodeId] = manager.IsVoter ? StatusOf(manager, status) : null;
            if (!manager.IsVoter)
                continue;
            if (IsReachable(manager, status))
                Reachable++;
            else
                Unreachable++;
        }
    }

    public int Reachable { get; }

    public int Unreachable { get; }

    /// <summary>The role that docker shows for the node's host.</summary>
    public bool IsManager(string nodeId) => _byNode.ContainsKey(nodeId);

    /// <summary>Null for a node without a manager, or with one that still joins.</summary>
    public Types.ManagerStatus? Of(string nodeId) => _byNode.GetValueOrDefault(nodeId);

    private static Types.ManagerStatus StatusOf(State.Manager manager, SwarmStatus status) => new()
    {
        Leader = manager.Id == status.LeaderId,
        Reachability = IsReachable(manager, status) ? "reachable" : "unreachable",
        Addr = manager.Addr,
    };

    private static bool IsReachable(State.Manager manager, SwarmStatus status) => !manager.Unreachable || manager.Id == status.LeaderId;
}
