using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>The role that placement sees: the engine beside a manager joined as a worker, but its host is a manager.</summary>
public static class NodeRoles
{
    public static Wire.NodeRole Of(ClusterState state, Wire.Node node)
    {
        // Managers are few (3, 5, 7); an index would cost more than it saves.
        foreach (var manager in state.Managers.Values.Where(manager => manager.IsMember))
        {
            if (manager.NodeId == node.Id)
                return Wire.NodeRole.Manager;
        }
        return node.Role;
    }
}
