using Skep.Manager.Updating;
using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>Every replicated service has one task in each of its slots 1..N; tasks that end or lose their node are replaced.</summary>
/// <remarks>
/// Cost, with n tasks in the service: a task event is O(1) to note and O(tasks of its slot) to act on. A full look, O(n), is taken
/// only when the service, its spec or a task's existence changes; what it finds to do is kept as a plan and carried out over
/// as many turns as the budget wants, O(1) per task. So scaling to 70,000 costs one walk and 70,000 creations in 70 turns,
/// and the 70,000 tasks' some 10 status changes each cost a few dictionary look-ups.
/// </remarks>
public sealed class ReplicatedServices(RestartSupervisor restarts, UpdateSupervisor updates) : IRule
{
    private readonly WorkSet<string> _services = new();
    private readonly WorkSet<string> _tasks = new();
    private readonly WorkSet<string> _nodes = new();
    private readonly Dictionary<string, ScalePlan> _plans = [];
    private ClusterState _state = new();

    public bool HasWork => _services.Count > 0 || _tasks.Count > 0 || _nodes.Count > 0 || _plans.Count > 0;

    public DateTimeOffset? NextDue => null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _state = state;
        _services.Clear();
        _tasks.Clear();
        _nodes.Clear();
        _plans.Clear();
        foreach (var service in state.Services.Values)
            NoteService(service);
        foreach (var task in state.Tasks.All)
            NoteTask(task);
    }

    public void Note(Change change)
    {
        switch (change)
        {
            case TaskChange { New: { } task }:
                NoteTask(task);
                break;
            case TaskChange { Old: { DesiredState: <= Wire.TaskState.Running } deleted } when _state.Services.TryGetValue(deleted.ServiceId, out var service):
                NoteService(service);
                break;
            case NodeChange { Old: { } node } changed when NodeStates.CannotRunTasks(changed.New):
                _nodes.Add(node.Id);
                break;
            case ServiceChange { New: { } service } changed when ServiceChanges.WantsReconciliation(changed):
                NoteService(service);
                break;
        }
    }

    public void Run(Turn turn)
    {
        var batch = new TaskBatch(turn);
        while (_nodes.TryTake(out var nodeId))
        {
            foreach (var task in turn.State.Tasks.OnNode(nodeId))
                NoteTask(task);
        }
        // Tasks first: what is replaced is then no vacancy to a look at the whole service.
        while (!batch.Exhausted && _tasks.TryTake(out var taskId))
            Replace(batch, taskId);
        batch.Flush();
        while (!batch.IsExhausted(forSmall: _tasks.Count == 0) && _services.TryTake(out var serviceId))
            Reconcile(turn.State, serviceId);
        foreach (var (serviceId, plan) in _plans.OrderBy(plan => plan.Value.Left))
        {
            if (plan.CarryOut(batch, serviceId))
                _plans.Remove(serviceId);
        }
        batch.Flush();
    }

    private void NoteService(Wire.Service service)
    {
        if (service.Spec.Replicated is not null)
            _services.Add(service.Id);
    }

    private void NoteTask(TaskRecord task)
    {
        if (NeedsReplacement(task) && _state.Services.TryGetValue(task.ServiceId, out var service) && service.Spec.Replicated is not null)
            _tasks.Add(task.Id);
    }

    private bool NeedsReplacement(TaskRecord task) => task.DesiredState <= Wire.TaskState.Running
        && (task.IsTerminal || (task.NodeId.Length > 0 && NodeStates.CannotRunTasks(_state.Nodes.GetValueOrDefault(task.NodeId))));

    private void Replace(TaskBatch batch, string taskId)
    {
        if (_state.Tasks.Find(taskId) is { } task && NeedsReplacement(task)
            && _state.Services.TryGetValue(task.ServiceId, out var service) && service.Spec.Replicated is not null)
            restarts.Restart(batch, service, task);
    }

    private void Reconcile(ClusterState state, string serviceId)
    {
        _plans.Remove(serviceId);
        if (!state.Services.TryGetValue(serviceId, out var service) || service.Spec.Replicated is not { } mode)
            return;
        var occupied = new List<IReadOnlyList<TaskRecord>>();
        var vacant = new List<SlotKey>();
        foreach (var slot in state.Tasks.SlotsOf(serviceId))
        {
            var tasks = restarts.UpdatableTasks(service, state.Tasks.InSlot(serviceId, slot));
            if (tasks.Count > 0)
                occupied.Add(tasks);
            else
                vacant.Add(slot);
        }
        var plan = new ScalePlan();
        if ((ulong)occupied.Count > mode.Replicas)
        {
            occupied = RemovalOrder.KeepFirst(occupied);
            vacant.AddRange(occupied.Skip((int)mode.Replicas).Select(slot => slot[0].SlotKey));
            occupied.RemoveRange((int)mode.Replicas, occupied.Count - (int)mode.Replicas);
        }
        else
        {
            plan.Create([.. occupied.Select(slot => slot[0].Slot)], mode.Replicas - (ulong)occupied.Count);
        }
        foreach (var slot in vacant.Where(slot => !plan.Creates(slot.Slot)))
            plan.Remove(state.Tasks.InSlot(serviceId, slot));
        if (!plan.IsDone)
            _plans[serviceId] = plan;
        updates.Update(service, occupied);
    }
}
