using Skep.Manager.Orchestration;
using Skep.State;

namespace Skep.Manager.Reaping;

/// <summary>
/// Deletes tasks nobody needs any more: those that were to be removed and run nowhere, orphans that belong to no service, and
/// of every slot's ended tasks all but the newest few.
/// </summary>
/// <remarks>
/// Cost: O(1) to note a task event, O(tasks of the slot) to act on it, and only if a task was made or has ended; all
/// deletions of a turn are one mutation. At the start of a term every slot is looked at once.
/// </remarks>
public sealed class TaskReaper : IRule
{
    private readonly WorkSet<(string ServiceId, SlotKey Slot)> _slots = new();
    private readonly WorkSet<string> _tasks = new();
    private ClusterState _state = new();

    public bool HasWork => _slots.Count > 0 || _tasks.Count > 0;

    public DateTimeOffset? NextDue => null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _state = state;
        _slots.Clear();
        _tasks.Clear();
        foreach (var task in state.Tasks.All)
        {
            if (IsRemovable(task))
                _tasks.Add(task.Id);
            // A slot of one task has no history.
            else if (task.IsTerminal && task.ServiceId.Length > 0)
                _slots.Add((task.ServiceId, task.SlotKey));
        }
    }

    public void Note(Change change)
    {
        if (change is not TaskChange { New: { } task, Old: var old })
            return;
        if (IsRemovable(task))
            _tasks.Add(task.Id);
        else if (task.ServiceId.Length > 0 && (old is null || IsOver(task) != IsOver(old)) && _state.Tasks.InSlot(task.ServiceId, task.SlotKey).Count > 1)
            _slots.Add((task.ServiceId, task.SlotKey));
    }

    public void Run(Turn turn)
    {
        var batch = new TaskBatch(turn);
        while (!batch.Exhausted && _tasks.TryTake(out var taskId))
        {
            if (turn.State.Tasks.Find(taskId) is { } task && IsRemovable(task))
                batch.Remove(task);
        }
        while (!batch.Exhausted && _slots.TryTake(out var slot))
            TrimHistory(batch, slot.ServiceId, slot.Slot);
        batch.Flush();
    }

    private static bool IsRemovable(TaskRecord task) =>
        (task.DesiredState == Wire.TaskState.Remove && (task.IsTerminal || task.State < Wire.TaskState.Assigned))
        || (task.ServiceId.Length == 0 && task.State >= Wire.TaskState.Orphaned);

    /// <summary>It has ended, or will never begin.</summary>
    private static bool IsOver(TaskRecord task) =>
        task.IsTerminal || (task.State < Wire.TaskState.Assigned && task.DesiredState > Wire.TaskState.Running);

    private static void TrimHistory(TaskBatch batch, string serviceId, SlotKey slot)
    {
        var tasks = batch.State.Tasks.InSlot(serviceId, slot);
        var limit = Limit(batch.State, serviceId);
        if (limit < 0 || tasks.Count <= limit)
            return;
        // The newest task stays, ended or not: it says that the slot is not vacant.
        var newest = tasks.OrderBy(task => task.CreatedAt).Last();
        // One that is still meant to run has just ended and waits to be replaced: its restart policy has not been asked yet.
        var ended = tasks.Where(task => task != newest && IsOver(task) && task.DesiredState > Wire.TaskState.Running).OrderBy(TaskTimes.StatusTime);
        foreach (var task in ended.Take((int)(tasks.Count - limit)))
            batch.Remove(task);
    }

    /// <summary>Tasks to keep in a slot, the running one included; negative: all.</summary>
    private static long Limit(ClusterState state, string serviceId)
    {
        // Attempts are counted by the tasks that are kept, so there must be enough of them.
        if (state.Services.GetValueOrDefault(serviceId)?.Spec.Task?.Restart is { MaxAttempts: > 0 and < int.MaxValue } policy)
            return (long)policy.MaxAttempts + 1;
        return state.Cluster?.Spec?.Orchestration?.TaskHistoryRetentionLimit ?? ServiceDefaults.TaskHistory;
    }
}
