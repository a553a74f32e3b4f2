using Skep.Manager.Reaping;
using Skep.Manager.Updating;

namespace Skep.Manager.Orchestration;

/// <summary>The rules that give services their tasks, in the order in which they run.</summary>
public static class ServiceRules
{
    /// <summary>New rules for one term of leadership.</summary>
    public static IReadOnlyList<IRule> Create()
    {
        var restarts = new RestartSupervisor();
        var updates = new UpdateSupervisor(restarts);
        // Each feeds the next: what a service wants, how it gets there, what may start, what is left over.
        return
        [
            new RemovedServices(),
            new OrphanedTasks(),
            new ReplicatedServices(restarts, updates),
            new GlobalServices(restarts, updates),
            updates,
            restarts,
            new TaskReaper(),
        ];
    }
}
