using Skep.Manager.Scheduling;
using Skep.Manager.Updating;
using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>
/// Every global service has one task on each node that can run it: not drained, not down, its constraints met. A paused node
/// keeps what it has and gets nothing new.
/// </summary>
/// <remarks>
/// Cost: a task event O(tasks of its slot); a node change O(global services + tasks on the node); a look at a whole service,
/// O(nodes), only when its spec changes or a task was deleted. A look that the budget ended is taken again: what it did shows in the state.
/// </remarks>
public sealed class GlobalServices(RestartSupervisor restarts, UpdateSupervisor updates) : IRule
{
    private readonly WorkSet<string> _services = new();
    private readonly WorkSet<string> _nodes = new();
    private readonly WorkSet<string> _tasks = new();
    private readonly Dictionary<string, IReadOnlyList<Constraint>> _global = [];
    private ClusterState _state = new();

    public bool HasWork => _services.Count > 0 || _nodes.Count > 0 || _tasks.Count > 0;

    public DateTimeOffset? NextDue => null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _state = state;
        _services.Clear();
        _nodes.Clear();
        _tasks.Clear();
        _global.Clear();
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
            case TaskChange { Old: { DesiredState: <= Wire.TaskState.Running } deleted } when _global.ContainsKey(deleted.ServiceId):
                _services.Add(deleted.ServiceId);
                break;
            case NodeChange node:
                _nodes.Add((node.New ?? node.Old!).Id);
                break;
            case ServiceChange { New: null, Old: { } removed }:
                _global.Remove(removed.Id);
                break;
            case ServiceChange { New: { } service } changed when ServiceChanges.WantsReconciliation(changed):
                NoteService(service);
                break;
        }
    }

    public void Run(Turn turn)
    {
        var batch = new TaskBatch(turn);
        while (!batch.Exhausted && _tasks.TryTake(out var taskId))
            Replace(batch, taskId);
        batch.Flush();
        // Services before nodes: what belongs to a rolling update is then known, and not replaced at once.
        while (!batch.Exhausted && _services.TryTake(out var serviceId))
            LookAtService(batch, serviceId);
        batch.Flush();
        while (!batch.Exhausted && _nodes.TryTake(out var nodeId))
            LookAtNode(batch, nodeId);
        batch.Flush();
    }

    private void NoteService(Wire.Service service)
    {
        if (service.Spec.Global is null)
            return;
        _global[service.Id] = Eligibility.ConstraintsOf(service);
        _services.Add(service.Id);
    }

    private void NoteTask(TaskRecord task)
    {
        if (task.DesiredState <= Wire.TaskState.Running && task.IsTerminal && _global.ContainsKey(task.ServiceId))
            _tasks.Add(task.Id);
    }

    private void Replace(TaskBatch batch, string taskId)
    {
        if (_state.Tasks.Find(taskId) is not { DesiredState: <= Wire.TaskState.Running } task || !_global.ContainsKey(task.ServiceId))
            return;
        var node = _state.Nodes.GetValueOrDefault(task.NodeId);
        if (NodeStates.CannotRunTasks(node))
            return;
        if (NodeStates.IsPaused(node!) || !MeetsConstraints(task.ServiceId, node!))
            batch.SetDesired(task, Wire.TaskState.Shutdown);
        else
            restarts.Restart(batch, _state.Services[task.ServiceId], task);
    }

    private void LookAtNode(TaskBatch batch, string nodeId)
    {
        if (!_state.Nodes.TryGetValue(nodeId, out var node))
        {
            // The node is gone for good, and with it whatever its tasks could still tell.
            foreach (var task in _state.Tasks.OnNode(nodeId).Where(task => _global.ContainsKey(task.ServiceId)))
                batch.Remove(task);
        }
        else if (NodeStates.CannotRunTasks(node))
        {
            batch.SetDesired(_state.Tasks.OnNode(nodeId).Where(task => _global.ContainsKey(task.ServiceId)).ToList(), Wire.TaskState.Shutdown);
        }
        else if (!NodeStates.IsPaused(node))
        {
            foreach (var serviceId in _global.Keys.Where(id => MeetsConstraints(id, node)))
                LookAtSlot(batch, _state.Services[serviceId], node);
        }
    }

    /// <summary>
    /// A node came (back): it gets its task, and an outdated one is replaced at once. That is no rolling update: it was not asked for by
    /// a change of the service and does not show in its update status.
    /// </summary>
    private void LookAtSlot(TaskBatch batch, Wire.Service service, Wire.Node node)
    {
        var slot = new SlotKey(0, node.Id);
        var tasks = restarts.UpdatableTasks(service, _state.Tasks.InSlot(service.Id, slot));
        if (updates.IsUpdating(service.Id) && tasks.Count > 0)
            return;
        var comparison = new TaskComparison(_state, service);
        var upToDate = tasks.FirstOrDefault(task => !comparison.IsOutdated(task));
        batch.SetDesired(tasks.Where(task => task != upToDate).ToList(), Wire.TaskState.Shutdown);
        if (upToDate is null)
            restarts.CreateReplacement(batch, service.Id, slot, TimeSpan.Zero);
    }

    private void LookAtService(TaskBatch batch, string serviceId)
    {
        if (!_state.Services.TryGetValue(serviceId, out var service))
            return;
        var slots = new List<IReadOnlyList<TaskRecord>>();
        var elsewhere = _state.Tasks.SlotsOf(serviceId).ToHashSet();
        foreach (var node in _state.Nodes.Values.Where(node => !NodeStates.CannotRunTasks(node)))
        {
            if (batch.Exhausted)
            {
                _services.Add(serviceId);
                return;
            }
            var slot = new SlotKey(0, node.Id);
            elsewhere.Remove(slot);
            var tasks = restarts.UpdatableTasks(service, _state.Tasks.InSlot(serviceId, slot));
            if (!MeetsConstraints(serviceId, node))
                batch.SetDesired(tasks, Wire.TaskState.Shutdown);
            else if (NodeStates.IsPaused(node))
                continue;
            else if (tasks.Count == 0)
                restarts.CreateReplacement(batch, serviceId, slot, TimeSpan.Zero);
            else
                slots.Add(tasks);
        }
        foreach (var slot in elsewhere)
            batch.SetDesired(_state.Tasks.InSlot(serviceId, slot), Wire.TaskState.Shutdown);
        updates.Update(service, slots);
    }

    private bool MeetsConstraints(string serviceId, Wire.Node node) =>
        Constraint.Match(_global[serviceId], node, NodeRoles.Of(_state, node));
}
