using Skep.State;

namespace Skep.Simulation.Invariants;

/// <summary>
/// A slot (of a global service: a node) never has two tasks that run or are about to, except while a start-first update
/// or rollback replaces one.
/// </summary>
internal sealed class OneTaskPerSlot : IStateInvariant
{
    public string Name => "one live task a slot";

    public string? Check(ClusterState state, IReadOnlyList<Change> changes)
    {
        foreach (var change in changes.OfType<TaskChange>())
        {
            if (change.New is not { } task || task.ServiceId.Length == 0 || !IsLive(task))
                continue;
            var live = state.Tasks.InSlot(task.ServiceId, task.SlotKey).Count(IsLive);
            var allowed = state.Services.TryGetValue(task.ServiceId, out var service) && MayStartFirst(service) ? 2 : 1;
            if (live > allowed)
                return $"slot {task.SlotKey} of service {task.ServiceId} has {live} live tasks: {string.Join(", ", state.Tasks.InSlot(task.ServiceId, task.SlotKey).Select(t => $"{t.Id} {t.State} wanted {t.DesiredState} on {t.NodeId}"))}";
        }
        return null;
    }

    // Not yet ended, and meant to run now: what waits for its predecessor is meant to be READY only.
    private static bool IsLive(TaskRecord task) => task.DesiredState == Wire.TaskState.Running && !task.IsTerminal;

    private static bool MayStartFirst(Wire.Service service) =>
        service.Spec.Update?.Order == Wire.UpdateConfig.Types.UpdateOrder.StartFirst || service.Spec.Rollback?.Order == Wire.UpdateConfig.Types.UpdateOrder.StartFirst
        || service.PreviousSpec?.Update?.Order == Wire.UpdateConfig.Types.UpdateOrder.StartFirst || service.PreviousSpec?.Rollback?.Order == Wire.UpdateConfig.Types.UpdateOrder.StartFirst;
}
