using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>The manager behind a recorded session.</summary>
public static class SessionHolder
{
    /// <summary>Null: that process of skepd is gone (it was started anew, or its manager removed), and its sessions with it.</summary>
    public static State.Manager? Of(ClusterState state, HeldSession session)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(session);
        // A handful of managers: no index needed.
        foreach (var manager in state.Managers.Values)
        {
            if (manager.Run == session.Run)
                return manager;
        }
        return null;
    }

    /// <summary>It serves nodes. One that was demoted has no state to serve from, so its sessions count as ended.</summary>
    public static bool Lives(State.Manager manager)
    {
        ArgumentNullException.ThrowIfNull(manager);
        return manager is { Unreachable: false, IsMember: true };
    }
}
