using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>
/// Replaces tasks that ended, as their restart policy says, and starts replacements: a replacement is made with desired state
/// READY, so that its node can prepare it, and becomes RUNNING when the restart delay is over and its predecessor has stopped.
/// </summary>
/// <remarks>
/// Cost: O(log n) per restart (a timer) and per predecessor that stops, with n replacements that wait; nothing for any other task.
/// </remarks>
public sealed class RestartSupervisor : IRule
{
    /// <summary>A predecessor that does not stop within this time is not waited for any longer.</summary>
    public static readonly TimeSpan OldTaskTimeout = TimeSpan.FromMinutes(1);

    private readonly RestartHistory _history = new();
    private readonly Dictionary<string, Wait> _waits = [];
    private readonly Dictionary<string, Wait> _waitsByOldTask = [];
    private readonly PriorityQueue<Wait, DateTimeOffset> _timers = new();
    private readonly Queue<Wait> _stopped = [];
    private readonly Queue<string> _lostNodes = [];

    public bool HasWork => _stopped.Count > 0 || _lostNodes.Count > 0;

    public DateTimeOffset? NextDue
    {
        get
        {
            DropEnded();
            return _timers.TryPeek(out _, out var due) ? due : null;
        }
    }

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _waits.Clear();
        _waitsByOldTask.Clear();
        _timers.Clear();
        _stopped.Clear();
        _lostNodes.Clear();
        _history.Rebuild(state);
        foreach (var task in state.Tasks.All)
        {
            if (task.DesiredState == Wire.TaskState.Ready && !task.IsTerminal)
                StartLater(task.Id, StoppingTasks(state, task.ServiceId, task.SlotKey), task.CreatedAt, ServiceDefaults.RestartDelayOf(task.Spec.Spec));
        }
    }

    public void Note(Change change)
    {
        switch (change)
        {
            case TaskChange task:
                if (_waitsByOldTask.TryGetValue(task.Either.Id, out var waiting) && (task.New is null || task.New.IsTerminal))
                    OldTaskStopped(waiting, task.Either.Id);
                if ((task.New is null || task.New.DesiredState > Wire.TaskState.Ready) && _waits.TryGetValue(task.Either.Id, out var wait))
                    End(wait);
                break;
            case NodeChange node when (node.New is null || NodeStates.IsDown(node.New)) && _waitsByOldTask.Count > 0:
                _lostNodes.Enqueue((node.New ?? node.Old!).Id);
                break;
            case ServiceChange { New: null } service:
                _history.Forget(service.Old!.Id);
                break;
        }
    }

    public void Run(Turn turn)
    {
        var batch = new TaskBatch(turn);
        while (_lostNodes.TryDequeue(out var nodeId))
        {
            foreach (var task in turn.State.Tasks.OnNode(nodeId))
            {
                if (_waitsByOldTask.TryGetValue(task.Id, out var wait))
                    OldTaskStopped(wait, task.Id);
            }
        }
        while (!batch.Exhausted && _stopped.TryDequeue(out var wait))
        {
            if (turn.Now >= wait.NotBefore)
                Finish(batch, wait);
        }
        while (!batch.Exhausted && _timers.TryPeek(out var wait, out var due) && due <= turn.Now)
        {
            _timers.Dequeue();
            if (wait.OldTasks.Count == 0 || turn.Now >= wait.GiveUp)
                Finish(batch, wait);
            else if (!wait.Ended)
                _timers.Enqueue(wait, wait.GiveUp);
        }
        batch.Flush();
    }

    /// <summary>Shuts a task down and puts another in its place, if its restart policy says so.</summary>
    internal void Restart(TaskBatch batch, Wire.Service service, TaskRecord task)
    {
        if (_waits.TryGetValue(task.Id, out var wait))
        {
            // It failed before it was even started (an image that is not there): its own delay has to pass first, or restarts
            // would follow each other without any.
            wait.RestartAfterwards = true;
            return;
        }
        batch.SetDesired(task, Wire.TaskState.Shutdown);
        if (!_history.Allows(task) || batch.State.TaskSpecOf(service.Id) is not { } spec)
            return;
        _history.Record(service.Id, task.SlotKey, spec, batch.Now);
        var node = batch.State.Nodes.GetValueOrDefault(task.NodeId);
        // A drained node's tasks have done nothing wrong: they move without delay.
        var delay = node is not null && NodeStates.IsDrained(node) ? TimeSpan.Zero : ServiceDefaults.RestartDelayOf(task.Spec.Spec);
        CreateReplacement(batch, service.Id, task.SlotKey, delay);
    }

    /// <summary>
    /// Makes a task that starts after a delay and not before what stops in its slot has stopped (for at most a minute).
    /// Returns its id.
    /// </summary>
    internal string CreateReplacement(TaskBatch batch, string serviceId, SlotKey slot, TimeSpan delay)
    {
        var stopping = StoppingTasks(batch.State, serviceId, slot);
        var startNow = delay == TimeSpan.Zero && stopping.Count == 0;
        var id = batch.Create(serviceId, slot, startNow ? Wire.TaskState.Running : Wire.TaskState.Ready);
        if (!startNow)
            StartLater(id, stopping, batch.Now, delay);
        return id;
    }

    /// <summary>Makes a task that waits at READY become RUNNING as soon as what stops in its slot has stopped.</summary>
    internal void StartWhenSlotIsFree(TaskBatch batch, TaskRecord task) =>
        StartLater(task.Id, StoppingTasks(batch.State, task.ServiceId, task.SlotKey), batch.Now, TimeSpan.Zero);

    /// <summary>
    /// The tasks of a slot that an update has to look at: those that are meant to run, else the last one if it has ended for good
    /// (it would not be restarted, but an update replaces it too). Empty: the slot is vacant.
    /// </summary>
    internal IReadOnlyList<TaskRecord> UpdatableTasks(Wire.Service service, IReadOnlyList<TaskRecord> slot)
    {
        if (slot.Count == 1 && slot[0].DesiredState <= Wire.TaskState.Running)
            return slot;
        var active = slot.Where(task => task.DesiredState <= Wire.TaskState.Running).ToList();
        // A rollback has to end with every task at the old spec, so one that ended for good is no answer then.
        if (active.Count > 0 || slot.Count == 0 || service.UpdateStatus?.State == Wire.UpdateStatus.Types.UpdateState.RollbackStarted)
            return active;
        var newest = slot.MaxBy(TaskTimes.StatusTime)!;
        return newest.DesiredState < Wire.TaskState.Remove && !_history.Allows(newest) ? [newest] : [];
    }

    /// <summary>Tasks of a slot that were told to stop and may still run. An unassigned task runs nowhere, one on a node that is down is given up.</summary>
    private static List<string> StoppingTasks(ClusterState state, string serviceId, SlotKey slot)
    {
        var stopping = new List<string>();
        foreach (var task in state.Tasks.InSlot(serviceId, slot))
        {
            if (task.DesiredState > Wire.TaskState.Running && task.State >= Wire.TaskState.Assigned && !task.IsTerminal
                && state.Nodes.TryGetValue(task.NodeId, out var node) && !NodeStates.IsDown(node))
                stopping.Add(task.Id);
        }
        return stopping;
    }

    private void StartLater(string taskId, List<string> stopping, DateTimeOffset since, TimeSpan delay)
    {
        if (_waits.TryGetValue(taskId, out var present))
            End(present);
        var notBefore = since + delay;
        var giveUp = since + OldTaskTimeout;
        var wait = new Wait(taskId, stopping, notBefore, giveUp > notBefore ? giveUp : notBefore);
        _waits[taskId] = wait;
        foreach (var old in stopping)
            _waitsByOldTask[old] = wait;
        _timers.Enqueue(wait, notBefore);
    }

    private void OldTaskStopped(Wait wait, string oldTaskId)
    {
        _waitsByOldTask.Remove(oldTaskId);
        wait.OldTasks.Remove(oldTaskId);
        if (wait.OldTasks.Count == 0)
            _stopped.Enqueue(wait);
    }

    private void Finish(TaskBatch batch, Wait wait)
    {
        if (wait.Ended)
            return;
        End(wait);
        if (batch.State.Tasks.Find(wait.TaskId) is not { } task || task.DesiredState >= Wire.TaskState.Running)
            return;
        if (wait.RestartAfterwards && batch.State.Services.TryGetValue(task.ServiceId, out var service))
            Restart(batch, service, task);
        else
            batch.SetDesired(task, Wire.TaskState.Running);
    }

    private void End(Wait wait)
    {
        wait.Ended = true;
        _waits.Remove(wait.TaskId);
        foreach (var old in wait.OldTasks)
            _waitsByOldTask.Remove(old);
    }

    private void DropEnded()
    {
        while (_timers.TryPeek(out var wait, out _) && wait.Ended)
            _timers.Dequeue();
    }

    private sealed class Wait(string taskId, List<string> oldTasks, DateTimeOffset notBefore, DateTimeOffset giveUp)
    {
        public string TaskId { get; } = taskId;

        /// <summary>Tasks that have not stopped yet. Empty: nothing is waited for but the time.</summary>
        public List<string> OldTasks { get; } = oldTasks;

        public DateTimeOffset NotBefore { get; } = notBefore;

        public DateTimeOffset GiveUp { get; } = giveUp;

        public bool RestartAfterwards { get; set; }

        public bool Ended { get; set; }
    }
}
