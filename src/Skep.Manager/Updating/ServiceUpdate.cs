using Skep.Manager.Orchestration;
using Skep.State;
using FailureAction = Skep.Wire.UpdateConfig.Types.FailureAction;
using UpdateOrder = Skep.Wire.UpdateConfig.Types.UpdateOrder;
using UpdateState = Skep.Wire.UpdateStatus.Types.UpdateState;

namespace Skep.Manager.Updating;

/// <summary>What became of an update when it was its turn.</summary>
internal enum UpdateProgress
{
    /// <summary>It waits for tasks or for the time.</summary>
    Waiting,

    /// <summary>It could go on in the next turn.</summary>
    OutOfBudget,

    /// <summary>Completed, paused, rolled back, or its service is gone.</summary>
    Ended,
}

/// <summary>One rolling update (or rollback) of one service, from the first outdated slot to the end of the monitoring time.</summary>
internal sealed class ServiceUpdate
{
    private readonly string _serviceId;
    private readonly RestartSupervisor _restarts;
    private readonly Wire.UpdateConfig _config;
    private readonly bool _isRollback;
    private readonly Queue<SlotKey> _outdated;
    private readonly SlotKey[] _slots;
    private readonly int _total;
    private readonly ulong _parallelism;
    private readonly Dictionary<string, SlotKey> _starting = [];
    private readonly PriorityQueue<SlotKey, DateTimeOffset> _delays = new();
    private readonly Queue<TaskRecord> _arrived = [];
    private readonly Queue<TaskRecord> _ended = [];
    private readonly Dictionary<string, DateTimeOffset?> _updatedTasks = [];
    private readonly HashSet<string> _failedTasks = [];
    private DateTimeOffset? _monitorUntil;

    /// <param name="service">As it is to become.</param>
    /// <param name="outdated">The slots to update, in order.</param>
    /// <param name="restarts">Starts the new tasks.</param>
    public ServiceUpdate(Wire.Service service, Queue<SlotKey> outdated, RestartSupervisor restarts)
    {
        _serviceId = service.Id;
        Spec = service.Spec;
        _restarts = restarts;
        _outdated = outdated;
        _slots = [.. outdated];
        _total = outdated.Count;
        _isRollback = service.UpdateStatus?.State == UpdateState.RollbackStarted;
        _config = (_isRollback ? service.Spec.Rollback : service.Spec.Update) ?? ServiceDefaults.Update;
        _parallelism = _config.Parallelism == 0 ? (ulong)_total : _config.Parallelism;
    }

    /// <summary>The spec that it works towards.</summary>
    public Wire.ServiceSpec Spec { get; }

    /// <summary>Fewer slots are under way (or in the delay after them) than may be at once.</summary>
    private bool HasFreeWorker => (ulong)(_starting.Count + _delays.Count) < _parallelism;

    public DateTimeOffset? NextDue => _delays.TryPeek(out _, out var due) ? due : _monitorUntil;

    /// <summary>A task of the service changed. True: the update has to look at it. O(1).</summary>
    public bool Note(TaskChange change)
    {
        var id = change.Either.Id;
        var isStarting = _starting.ContainsKey(id);
        if (change.New is not { } task)
        {
            // Somebody deleted it: nothing is left to wait for.
            if (isStarting)
                _arrived.Enqueue(change.Old!);
            return isStarting;
        }
        if (isStarting && task.State >= Wire.TaskState.Running)
            _arrived.Enqueue(task);
        if (task.IsTerminal && _updatedTasks.ContainsKey(id))
            _ended.Enqueue(task);
        return _arrived.Count > 0 || _ended.Count > 0;
    }

    public UpdateProgress GoOn(TaskBatch batch)
    {
        if (!batch.State.Services.TryGetValue(_serviceId, out var service))
            return UpdateProgress.Ended;
        if (_total == 0)
            return Complete(batch, service);
        if (service.UpdateStatus is null)
            service = SetStatus(batch, service, UpdateState.Updating, "update in progress");
        do
        {
            while (!batch.Exhausted && _arrived.TryDequeue(out var task))
                Arrived(batch, task);
            while (_ended.TryDequeue(out var task))
            {
                if (IsOneFailureTooMany(batch, task))
                    return Fail(batch, service, task);
            }
            while (_delays.TryPeek(out _, out var due) && due <= batch.Now)
                _delays.Dequeue();
            BeginSlots(batch, service);
        }
        while (_arrived.Count > 0 && !batch.Exhausted);
        if (_arrived.Count > 0 || (_outdated.Count > 0 && HasFreeWorker))
            return UpdateProgress.OutOfBudget;
        return _outdated.Count == 0 ? Finish(batch, service) : UpdateProgress.Waiting;
    }

    private void BeginSlots(TaskBatch batch, Wire.Service service)
    {
        if (_outdated.Count == 0 || !HasFreeWorker)
            return;
        var comparison = new TaskComparison(batch.State, service);
        while (!batch.Exhausted && HasFreeWorker && _outdated.TryDequeue(out var slot))
            Begin(batch, service, comparison, slot);
    }

    /// <summary>Puts a new task into a slot, or goes on with one that an earlier update has put there.</summary>
    private void Begin(TaskBatch batch, Wire.Service service, TaskComparison comparison, SlotKey slot)
    {
        var tasks = _restarts.UpdatableTasks(service, batch.State.Tasks.InSlot(_serviceId, slot));
        // The slot was given up since the update began, or its node (of a global service) takes no tasks any more.
        if (tasks.Count == 0 || (slot.NodeId.Length > 0 && NodeStates.CannotRunTasks(batch.State.Nodes.GetValueOrDefault(slot.NodeId))))
            return;
        var startFirst = _config.Order == UpdateOrder.StartFirst;
        var present = tasks.Where(task => task.DesiredState <= Wire.TaskState.Running && !comparison.IsOutdated(task)).MaxBy(task => task.DesiredState);
        var old = tasks.Where(task => task != present).ToList();
        // Start-first keeps one task until the new one runs. There are more when an update came before the last one was through:
        // each would add a task to the slot, so those that this one makes obsolete go at once.
        var kept = startFirst && present is not { State: >= Wire.TaskState.Running } ? old.MaxBy(task => (task.State == Wire.TaskState.Running, task.CreatedAt)) : null;
        batch.SetDesired(old.Where(task => task != kept && task.DesiredState <= Wire.TaskState.Running), Wire.TaskState.Shutdown);
        if (present is null)
        {
            var id = startFirst
                ? batch.Create(_serviceId, slot, Wire.TaskState.Running)
                : _restarts.CreateReplacement(batch, _serviceId, slot, TimeSpan.Zero);
            _starting[id] = slot;
            _updatedTasks[id] = null;
            return;
        }
        if (present.DesiredState < Wire.TaskState.Running)
            _restarts.StartWhenSlotIsFree(batch, present);
        _updatedTasks[present.Id] = null;
        _starting[present.Id] = slot;
        if (present.State >= Wire.TaskState.Running)
            _arrived.Enqueue(present);
    }

    /// <summary>A new task runs (or has failed): its slot is done, and the next one begins after the delay.</summary>
    private void Arrived(TaskBatch batch, TaskRecord task)
    {
        if (!_starting.Remove(task.Id, out var slot))
            return;
        _updatedTasks[task.Id] = batch.Now;
        // One that runs although it was told to stop (its node was down and is back) takes nobody's place.
        if (_config.Order == UpdateOrder.StartFirst && task is { State: Wire.TaskState.Running, DesiredState: <= Wire.TaskState.Running })
        {
            batch.SetDesired(
                batch.State.Tasks.InSlot(_serviceId, slot).Where(other => other.Id != task.Id && other.DesiredState <= Wire.TaskState.Running),
                Wire.TaskState.Shutdown);
        }
        if (ServiceDefaults.Positive(_config.Delay) is { } delay && delay > TimeSpan.Zero)
            _delays.Enqueue(slot, batch.Now + delay);
    }

    private bool IsOneFailureTooMany(TaskBatch batch, TaskRecord task)
    {
        if (_config.FailureAction == FailureAction.Continue || !_updatedTasks.TryGetValue(task.Id, out var startedAt))
            return false;
        if (startedAt is { } started && batch.Now - started > ServiceDefaults.MonitorOf(_config))
            return false;
        return _failedTasks.Add(task.Id) && (float)_failedTasks.Count / _total > _config.MaxFailureRatio;
    }

    private UpdateProgress Fail(TaskBatch batch, Wire.Service service, TaskRecord task)
    {
        var canRollBack = !_isRollback && service.PreviousSpec is not null;
        if (_config.FailureAction == FailureAction.Rollback && canRollBack)
        {
            RollBack(batch, service, $"update rolled back due to failure or early termination of task {task.Id}");
        }
        else
        {
            // A rollback is never rolled back.
            var what = _isRollback && _config.FailureAction == FailureAction.Rollback ? "rollback" : "update";
            SetStatus(batch, service, _isRollback ? UpdateState.RollbackPaused : UpdateState.Paused,
                $"{what} paused due to failure or early termination of task {task.Id}");
        }
        return UpdateProgress.Ended;
    }

    /// <summary>All slots were begun: waits for the last ones, then for their monitoring time.</summary>
    private UpdateProgress Finish(TaskBatch batch, Wire.Service service)
    {
        if (_starting.Count > 0 || _delays.Count > 0)
            return UpdateProgress.Waiting;
        if (_monitorUntil is null && _config.Order == UpdateOrder.StartFirst && !OldTasksAreStopped(batch, service))
            return UpdateProgress.Waiting;
        if (_monitorUntil is null)
        {
            var monitor = ServiceDefaults.MonitorOf(_config);
            var delay = ServiceDefaults.Positive(_config.Delay) ?? TimeSpan.Zero;
            // Longer than the delay, or the last tasks would not be watched through it.
            _monitorUntil = batch.Now + (delay >= monitor ? delay + TimeSpan.FromSeconds(1) : monitor);
        }
        return batch.Now >= _monitorUntil ? Complete(batch, service) : UpdateProgress.Waiting;
    }

    /// <summary>
    /// A start-first slot whose new task failed still has its old one. What was restarted in place of the new task is waited for, or nobody
    /// would ever stop the old one.
    /// </summary>
    private bool OldTasksAreStopped(TaskBatch batch, Wire.Service service)
    {
        var comparison = new TaskComparison(batch.State, service);
        foreach (var slot in _slots)
        {
            var active = batch.State.Tasks.InSlot(_serviceId, slot).Where(task => task.DesiredState <= Wire.TaskState.Running).ToList();
            if (active.Count < 2 || active.Where(task => !comparison.IsOutdated(task)).MaxBy(task => task.CreatedAt) is not { } present)
                continue;
            if (present.State == Wire.TaskState.Running)
                batch.SetDesired(active.Where(task => task != present), Wire.TaskState.Shutdown);
            else
                _starting[present.Id] = slot;
        }
        return _starting.Count == 0;
    }

    private UpdateProgress Complete(TaskBatch batch, Wire.Service service)
    {
        SetStatus(batch, service, _isRollback ? UpdateState.RollbackCompleted : UpdateState.Completed, _isRollback ? "rollback completed" : "update completed");
        return UpdateProgress.Ended;
    }

    private static void RollBack(TaskBatch batch, Wire.Service service, string message)
    {
        service = service.Clone();
        service.Spec = service.PreviousSpec;
        service.SpecVersion = service.PreviousSpecVersion;
        service.PreviousSpec = null;
        service.PreviousSpecVersion = null;
        service.UpdateStatus.State = UpdateState.RollbackStarted;
        service.UpdateStatus.Message = message;
        batch.Put(service);
    }

    private static Wire.Service SetStatus(TaskBatch batch, Wire.Service service, UpdateState state, string message)
    {
        service = service.Clone();
        service.UpdateStatus ??= new Wire.UpdateStatus { StartedAt = SwarmTime.ToWire(batch.Now) };
        service.UpdateStatus.State = state;
        service.UpdateStatus.Message = message;
        if (state is UpdateState.Completed or UpdateState.RollbackCompleted)
            service.UpdateStatus.CompletedAt = SwarmTime.ToWire(batch.Now);
        batch.Put(service);
        return service;
    }
}
