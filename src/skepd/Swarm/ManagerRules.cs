using Skep.Manager;
using Skep.Manager.Allocation;
using Skep.Manager.Certificates;
using Skep.Manager.Enforcement;
using Skep.Manager.Nodes;
using Skep.Manager.Orchestration;
using Skep.Manager.Scheduling;

namespace Skep.Daemon.Swarm;

/// <summary>The rules of a leader, in the order in which they run in a turn: that of a task's life.</summary>
internal static class ManagerRules
{
    public static IReadOnlyList<IRule> Create() =>
    [
        new MissingNodesRule(),
        new GossipKeysRule(),
        new RootRotationRule(),
        .. ServiceRules.Create(),
        new ConstraintEnforcementRule(),
        new AllocationRule(),
        new SchedulingRule(),
    ];
}
