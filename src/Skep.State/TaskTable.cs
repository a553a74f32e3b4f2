namespace Skep.State;

/// <summary>All tasks, found by id, by node, by service and by slot.</summary>
/// <remarks>Every look-up that a rule needs per task is O(1): a service may have 70,000 tasks and must not be walked for one of them.</remarks>
public sealed class TaskTable
{
    private static readonly IReadOnlyCollection<TaskRecord> None = [];

    private readonly Dictionary<string, TaskRecord> _all;
    private readonly Dictionary<string, Dictionary<string, TaskRecord>> _byNode;
    private readonly Dictionary<string, ServiceTasks> _byService;

    public TaskTable() => (_all, _byNode, _byService) = ([], [], []);

    // Whole tables are copied, nothing is hashed anew: a new leader can do nothing before it has its working state.
    private TaskTable(TaskTable other)
    {
        _all = new(other._all);
        _byNode = other._byNode.ToDictionary(node => node.Key, node => new Dictionary<string, TaskRecord>(node.Value));
        _byService = other._byService.ToDictionary(service => service.Key, service => service.Value.Clone());
    }

    public int Count => _all.Count;

    public IReadOnlyCollection<TaskRecord> All => _all.Values;

    public TaskRecord? Find(string id) => _all.GetValueOrDefault(id);

    public IReadOnlyCollection<TaskRecord> OnNode(string nodeId) => _byNode.TryGetValue(nodeId, out var tasks) ? tasks.Values : None;

    public IReadOnlyCollection<TaskRecord> OfService(string serviceId) => _byService.TryGetValue(serviceId, out var tasks) ? tasks.All.Values : None;

    /// <summary>The slots of a service that have a task (of any state), in no order.</summary>
    public IReadOnlyCollection<SlotKey> SlotsOf(string serviceId) => _byService.TryGetValue(serviceId, out var tasks) ? tasks.Slots.Keys : [];

    /// <summary>The tasks of one slot, oldest first: at most a handful (the task, its predecessors kept as history).</summary>
    public IReadOnlyList<TaskRecord> InSlot(string serviceId, SlotKey slot) =>
        _byService.TryGetValue(serviceId, out var tasks) && tasks.Slots.TryGetValue(slot, out var list) ? list : [];

    /// <summary>A second table of the same tasks.</summary>
    internal TaskTable Clone() => new(this);

    internal void Put(TaskRecord? old, TaskRecord task)
    {
        _all[task.Id] = task;
        if (old is not null && old.NodeId.Length > 0 && old.NodeId != task.NodeId)
            RemoveFrom(_byNode, old.NodeId, old.Id);
        if (task.NodeId.Length > 0)
            GetOrAdd(_byNode, task.NodeId)[task.Id] = task;
        if (task.ServiceId.Length == 0)
            return;
        if (!_byService.TryGetValue(task.ServiceId, out var service))
            _byService[task.ServiceId] = service = new ServiceTasks();
        service.Put(old, task);
    }

    internal void Remove(TaskRecord task)
    {
        _all.Remove(task.Id);
        if (task.NodeId.Length > 0)
            RemoveFrom(_byNode, task.NodeId, task.Id);
        if (!_byService.TryGetValue(task.ServiceId, out var service))
            return;
        service.Remove(task);
        if (service.All.Count == 0)
            _byService.Remove(task.ServiceId);
    }

    private static Dictionary<string, TaskRecord> GetOrAdd(Dictionary<string, Dictionary<string, TaskRecord>> index, string key)
    {
        if (!index.TryGetValue(key, out var tasks))
            index[key] = tasks = [];
        return tasks;
    }

    private static void RemoveFrom(Dictionary<string, Dictionary<string, TaskRecord>> index, string key, string taskId)
    {
        if (index.TryGetValue(key, out var tasks) && tasks.Remove(taskId) && tasks.Count == 0)
            index.Remove(key);
    }

    private sealed class ServiceTasks
    {
        public Dictionary<string, TaskRecord> All { get; private init; } = [];

        public Dictionary<SlotKey, TaskRecord[]> Slots { get; private init; } = [];

        public ServiceTasks Clone() => new() { All = new(All), Slots = new(Slots) };

        public void Put(TaskRecord? old, TaskRecord task)
        {
            All[task.Id] = task;
            if (old is not null && old.SlotKey != task.SlotKey)
                RemoveFromSlot(old);
            var tasks = Slots.GetValueOrDefault(task.SlotKey, []);
            var at = Array.FindIndex(tasks, t => t.Id == task.Id);
            // Slot lists are replaced, never changed: a reader may still hold the old one.
            TaskRecord[] changed = at < 0 ? [.. tasks, task] : [.. tasks];
            changed[at < 0 ? ^1 : at] = task;
            Slots[task.SlotKey] = changed;
        }

        public void Remove(TaskRecord task)
        {
            All.Remove(task.Id);
            RemoveFromSlot(task);
        }

        private void RemoveFromSlot(TaskRecord task)
        {
            if (!Slots.TryGetValue(task.SlotKey, out var tasks))
                return;
            var rest = Array.FindAll(tasks, t => t.Id != task.Id);
            if (rest.Length == 0)
                Slots.Remove(task.SlotKey);
            else
                Slots[task.SlotKey] = rest;
        }
    }
}
