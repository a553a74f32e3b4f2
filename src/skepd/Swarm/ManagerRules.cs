using Skep.Manager;

namespace Skep.Daemon.Swarm;

/// <summary>The rules of a leader, in the order in which they run in a turn: that of a task's life.</summary>
internal static class ManagerRules
{
    public static IReadOnlyList<IRule> Create() => [];
}
