using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>Which slots were restarted how often: what a restart policy's limits are measured by.</summary>
/// <remarks>Kept only for policies with a limit. Rebuilt from the tasks kept as history, which the reaper keeps long enough for it.</remarks>
internal sealed class RestartHistory
{
    private readonly Dictionary<string, Dictionary<SlotKey, Restarts>> _byService = [];

    public void Rebuild(ClusterState state)
    {
        _byService.Clear();
        foreach (var service in state.Services.Values)
        {
            foreach (var slot in state.Tasks.SlotsOf(service.Id))
                RebuildSlot(service.Id, slot, state.Tasks.InSlot(service.Id, slot));
        }
    }

    public void Forget(string serviceId) => _byService.Remove(serviceId);

    /// <summary>A task was made to replace one that ended.</summary>
    public void Record(string serviceId, SlotKey slot, TaskSpecRecord spec, DateTimeOffset createdAt)
    {
        if (spec.Spec.Restart is not { MaxAttempts: > 0 } policy)
            return;
        if (!_byService.TryGetValue(serviceId, out var slots))
            _byService[serviceId] = slots = [];
        // Failures of an older spec do not count against a new one.
        if (!slots.TryGetValue(slot, out var restarts) || restarts.SpecVersion != spec.Version)
            slots[slot] = restarts = new Restarts(spec.Version);
        restarts.Total++;
        if (ServiceDefaults.Positive(policy.Window) > TimeSpan.Zero)
            restarts.Times.Enqueue(createdAt);
    }

    /// <summary>The policy of a task that ended allows another one in its place.</summary>
    public bool Allows(TaskRecord task)
    {
        switch (ServiceDefaults.RestartConditionOf(task.Spec.Spec))
        {
            case Wire.RestartPolicy.Types.RestartCondition.None:
            case Wire.RestartPolicy.Types.RestartCondition.OnFailure when task.State == Wire.TaskState.Complete:
                return false;
        }
        if (task.Spec.Spec.Restart is not { MaxAttempts: > 0 } policy)
            return true;
        if (_byService.GetValueOrDefault(task.ServiceId)?.GetValueOrDefault(task.SlotKey) is not { } restarts || restarts.SpecVersion != task.Spec.Version)
            return true;
        if (ServiceDefaults.Positive(policy.Window) is not { } window || window == TimeSpan.Zero)
            return restarts.Total < policy.MaxAttempts;
        return restarts.CountWithin(window, task.StatusTime()) < policy.MaxAttempts;
    }

    private void RebuildSlot(string serviceId, SlotKey slot, IReadOnlyList<TaskRecord> tasks)
    {
        if (tasks.Count < 2)
            return;
        var newest = tasks.Max(task => task.Spec.Version);
        var restarted = tasks.Where(task => task.Spec.Version == newest).OrderBy(task => task.CreatedAt).Skip(1);
        foreach (var task in restarted)
            Record(serviceId, slot, task.Spec, task.CreatedAt);
    }

    private sealed class Restarts(ulong specVersion)
    {
        public ulong SpecVersion { get; } = specVersion;

        public ulong Total { get; set; }

        public Queue<DateTimeOffset> Times { get; } = [];

        /// <summary>Restarts in the window that ends with the task's end; later ones are not what it is judged by.</summary>
        public ulong CountWithin(TimeSpan window, DateTimeOffset end)
        {
            while (Times.TryPeek(out var oldest) && oldest <= end - window)
                Times.Dequeue();
            return (ulong)Times.Count(time => time < end);
        }
    }
}
