using Skep.State;

namespace Skep.Dispatch;

/// <summary>Which managers serve nodes, and how many sessions the state records with each.</summary>
internal static class SessionShares
{
    /// <summary>Those that nodes are told of. Never none: a node that knew no manager could not come back.</summary>
    public static IReadOnlyList<State.Manager> ServingManagers(ClusterState state)
    {
        var serving = state.Managers.Values.Where(Serves).ToList();
        return serving.Count > 0 ? serving : [.. state.Managers.Values];
    }

    /// <summary>By manager id, managers without any included.</summary>
    public static Dictionary<string, int> Count(ClusterState state)
    {
        var serving = state.Managers.Values.Where(Serves).ToList();
        var counts = serving.ToDictionary(manager => manager.Id, _ => 0);
        var idsByRun = new Dictionary<string, string>();
        foreach (var manager in serving)
            idsByRun[manager.Run] = manager.Id;
        foreach (var session in state.Sessions.Values)
        {
            if (idsByRun.TryGetValue(session.Run, out var id))
                counts[id]++;
        }
        return counts;
    }

    private static bool Serves(State.Manager manager) => manager is { IsVoter: true, Unreachable: false };
}
