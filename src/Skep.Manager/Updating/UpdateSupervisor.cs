using Skep.Manager.Orchestration;
using Skep.State;

namespace Skep.Manager.Updating;

/// <summary>
/// Carries out rolling updates and rollbacks: one at a time per service, slot by slot, and watches whether the new tasks live.
/// Which slots there are comes from the rule of the service's mode.
/// </summary>
/// <remarks>
/// Nothing is kept that a new leader needs: it finds the outdated tasks and the update status in the state and begins again from
/// there (failures that the old leader counted are forgotten, as in stock).
/// Cost: O(1) per task event (is it a task of an update?), O(tasks of the slot) per slot replaced.
/// </remarks>
public sealed class UpdateSupervisor(RestartSupervisor restarts) : IRule
{
    private readonly Dictionary<string, ServiceUpdate> _updates = [];
    private readonly WorkSet<string> _ready = new();
    private ClusterState _state = new();

    public bool HasWork => _ready.Count > 0;

    public DateTimeOffset? NextDue => _updates.Count == 0 ? null : _updates.Values.Min(update => update.NextDue);

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _state = state;
        _updates.Clear();
        _ready.Clear();
    }

    public void Note(Change change)
    {
        switch (change)
        {
            case TaskChange task when _updates.TryGetValue(task.Either.ServiceId, out var update):
                if (update.Note(task))
                    _ready.Add(task.Either.ServiceId);
                break;
            case ServiceChange { New: null, Old: { } removed }:
                _updates.Remove(removed.Id);
                break;
        }
    }

    public void Run(Turn turn)
    {
        foreach (var (serviceId, update) in _updates)
        {
            if (update.NextDue <= turn.Now)
                _ready.Add(serviceId);
        }
        var batch = new TaskBatch(turn);
        for (var left = _ready.Count; left > 0 && !batch.Exhausted && _ready.TryTake(out var serviceId); left--)
        {
            if (!_updates.TryGetValue(serviceId, out var update))
                continue;
            switch (update.GoOn(batch))
            {
                case UpdateProgress.Ended:
                    _updates.Remove(serviceId);
                    break;
                case UpdateProgress.OutOfBudget:
                    _ready.Add(serviceId);
                    break;
            }
        }
        batch.Flush();
    }

    internal bool IsUpdating(string serviceId) => _updates.ContainsKey(serviceId);

    /// <summary>Makes the outdated ones of these slots up to date, as the service's update policy wants.</summary>
    /// <param name="service">The service.</param>
    /// <param name="slots">Its occupied slots, each with the tasks that <see cref="RestartSupervisor.UpdatableTasks"/> names.</param>
    internal void Update(Wire.Service service, IReadOnlyList<IReadOnlyList<TaskRecord>> slots)
    {
        // An update that works towards the same spec goes on, unless it was asked for anew.
        if (_updates.TryGetValue(service.Id, out var present) && present.Spec.Equals(service.Spec) && service.UpdateStatus is not null)
            return;
        _updates.Remove(service.Id);
        var state = service.UpdateStatus?.State;
        if (state is Wire.UpdateStatus.Types.UpdateState.Paused or Wire.UpdateStatus.Types.UpdateState.RollbackPaused)
            return;
        var comparison = new TaskComparison(_state, service);
        var unfinished = state is Wire.UpdateStatus.Types.UpdateState.Updating or Wire.UpdateStatus.Types.UpdateState.RollbackStarted;
        // Slots that were under way come first and are waited for like the others, so that an update that a new leader goes on
        // with has no more of them at once than it may.
        var queue = new Queue<SlotKey>(slots
            .Where(slot => comparison.IsOutdated(slot) || (unfinished && IsUnderWay(comparison, slot)))
            .OrderByDescending(slot => IsUnderWay(comparison, slot))
            .ThenBy(slot => slot[0].Slot)
            .Select(slot => slot[0].SlotKey));
        if (queue.Count == 0 && !unfinished)
            return;
        _updates[service.Id] = new ServiceUpdate(service, queue, restarts);
        _ready.Add(service.Id);
    }

    /// <summary>The slot has its new task, but that does not run yet.</summary>
    private static bool IsUnderWay(TaskComparison comparison, IReadOnlyList<TaskRecord> slot) => slot.Any(task =>
        task.DesiredState <= Wire.TaskState.Running && task.State < Wire.TaskState.Running && !comparison.IsOutdated(task));
}
