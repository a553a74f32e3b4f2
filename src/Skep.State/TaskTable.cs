using System.Collections;

namespace Skep.State;

/// <summary>All tasks, found by id, by node, by service and by slot.</summary>
/// <remarks>
/// Every look-up that a rule needs per task is O(1): a service may have 70,000 tasks and must not be walked for one of them. A task lies in one place
/// of one array and the indexes hold numbers of places, so that its next status is one write whatever indexes there are, a million tasks take some
/// 100 bytes each here, and a copy of the table (a new leader can do nothing before it has one) hashes nothing anew.
/// </remarks>
public sealed class TaskTable
{
    private const int Nowhere = -1;

    private readonly Dictionary<string, int> _placeOf;
    private readonly Dictionary<string, List<int>> _byNode;
    private readonly Dictionary<string, ServiceTasks> _byService;
    private Place[] _places;
    private int _used;
    private int _free = Nowhere; // the first of the places given back, chained by Place.NextInSlot

    public TaskTable() => (_placeOf, _byNode, _byService, _places) = ([], [], [], []);

    private TaskTable(TaskTable other)
    {
        _placeOf = new(other._placeOf);
        _byNode = other._byNode.ToDictionary(node => node.Key, node => new List<int>(node.Value));
        _byService = other._byService.ToDictionary(service => service.Key, service => service.Value.Clone());
        _places = other._places.AsSpan(0, other._used).ToArray();
        (_used, _free) = (other._used, other._free);
    }

    public int Count => _placeOf.Count;

    public IReadOnlyCollection<TaskRecord> All => new AllTasks(this);

    public TaskRecord? Find(string id) => _placeOf.TryGetValue(id, out var place) ? _places[place].Task : null;

    public IReadOnlyCollection<TaskRecord> OnNode(string nodeId) => _byNode.TryGetValue(nodeId, out var places) ? new SomeTasks(this, places) : [];

    public IReadOnlyCollection<TaskRecord> OfService(string serviceId) => _byService.TryGetValue(serviceId, out var service) ? new SomeTasks(this, service.All) : [];

    /// <summary>The slots of a service that have a task (of any state), in no order.</summary>
    public IReadOnlyCollection<SlotKey> SlotsOf(string serviceId) => _byService.TryGetValue(serviceId, out var service)
        ? [.. service.ByNumber.Keys.Select(slot => new SlotKey(slot, "")), .. service.ByNode?.Keys.Select(node => new SlotKey(0, node)) ?? []]
        : [];

    /// <summary>The tasks of one slot, oldest first: at most a handful (the task, its predecessors kept as history).</summary>
    public IReadOnlyList<TaskRecord> InSlot(string serviceId, SlotKey slot)
    {
        if (!_byService.TryGetValue(serviceId, out var service) || service.First(slot) is var first && first == Nowhere)
            return [];
        if (_places[first].NextInSlot == Nowhere)
            return [_places[first].Task!];
        var tasks = new List<TaskRecord>();
        for (var place = first; place != Nowhere; place = _places[place].NextInSlot)
            tasks.Add(_places[place].Task!);
        return tasks;
    }

    /// <summary>A second table of the same tasks.</summary>
    internal TaskTable Clone() => new(this);

    /// <summary>Finds a task with its place, for <see cref="Replace"/>: in a table of a million each look-up by id is a wait for memory.</summary>
    internal TaskRecord? Find(string id, out int at) => _placeOf.TryGetValue(id, out at) ? _places[at].Task : null;

    internal void Put(TaskRecord? old, TaskRecord task)
    {
        if (old is null)
            Add(task);
        else
            Replace(_placeOf[task.Id], old, task);
    }

    internal void Replace(int at, TaskRecord old, TaskRecord task)
    {
        ref var place = ref _places[at];
        var slotChanges = old.Slot != task.Slot || (task.Slot == 0 && old.NodeId != task.NodeId);
        if (slotChanges)
            RemoveFromSlot(old, at);
        if (old.NodeId != task.NodeId)
        {
            RemoveFromNode(old, at);
            AddToNode(task, at);
        }
        place.Task = task;
        if (slotChanges)
            AddToSlot(task, at);
    }

    internal void Remove(TaskRecord task)
    {
        if (!_placeOf.Remove(task.Id, out var at))
            return;
        RemoveFromSlot(task, at);
        RemoveFromNode(task, at);
        if (_byService.TryGetValue(task.ServiceId, out var service))
        {
            var moved = TakeOut(service.All, _places[at].InService);
            if (moved != Nowhere)
                _places[moved].InService = _places[at].InService;
            if (service.All.Count == 0)
                _byService.Remove(task.ServiceId);
        }
        _places[at] = new Place { NextInSlot = _free };
        _free = at;
    }

    private void Add(TaskRecord task)
    {
        var at = _free;
        if (at != Nowhere)
        {
            _free = _places[at].NextInSlot;
        }
        else
        {
            if (_used == _places.Length)
                Array.Resize(ref _places, Math.Max(16, _used + _used / 2));
            at = _used++;
        }
        _placeOf.Add(task.Id, at);
        _places[at] = new Place { Task = task, NextInSlot = Nowhere };
        AddToNode(task, at);
        if (task.ServiceId.Length == 0)
            return;
        if (!_byService.TryGetValue(task.ServiceId, out var service))
            _byService[task.ServiceId] = service = new ServiceTasks();
        _places[at].InService = service.All.Count;
        service.All.Add(at);
        AddToSlot(task, at);
    }

    private void AddToNode(TaskRecord task, int at)
    {
        if (task.NodeId.Length == 0)
            return;
        if (!_byNode.TryGetValue(task.NodeId, out var places))
            _byNode[task.NodeId] = places = [];
        _places[at].OnNode = places.Count;
        places.Add(at);
    }

    private void RemoveFromNode(TaskRecord task, int at)
    {
        if (task.NodeId.Length == 0 || !_byNode.TryGetValue(task.NodeId, out var places))
            return;
        var moved = TakeOut(places, _places[at].OnNode);
        if (moved != Nowhere)
            _places[moved].OnNode = _places[at].OnNode;
        if (places.Count == 0)
            _byNode.Remove(task.NodeId);
    }

    private void AddToSlot(TaskRecord task, int at)
    {
        if (!_byService.TryGetValue(task.ServiceId, out var service))
            return;
        _places[at].NextInSlot = Nowhere;
        var last = service.First(task.SlotKey);
        if (last == Nowhere)
        {
            service.SetFirst(task.SlotKey, at);
            return;
        }
        while (_places[last].NextInSlot != Nowhere)
            last = _places[last].NextInSlot;
        _places[last].NextInSlot = at;
    }

    private void RemoveFromSlot(TaskRecord task, int at)
    {
        if (!_byService.TryGetValue(task.ServiceId, out var service))
            return;
        var before = service.First(task.SlotKey);
        if (before == at)
        {
            service.SetFirst(task.SlotKey, _places[at].NextInSlot);
            return;
        }
        while (_places[before].NextInSlot != at)
            before = _places[before].NextInSlot;
        _places[before].NextInSlot = _places[at].NextInSlot;
    }

    /// <summary>Takes one out of a list by putting the last in its stead; tells which that was.</summary>
    private static int TakeOut(List<int> places, int index)
    {
        var last = places.Count - 1;
        var moved = index == last ? Nowhere : places[last];
        if (moved != Nowhere)
            places[index] = moved;
        places.RemoveAt(last);
        return moved;
    }

    /// <summary>Where a task lies.</summary>
    private struct Place
    {
        /// <summary>Null: a free place.</summary>
        public TaskRecord? Task;

        /// <summary>Its index in its node's list.</summary>
        public int OnNode;

        /// <summary>Its index in its service's list.</summary>
        public int InService;

        /// <summary>The place of the next younger task of the slot, or <see cref="Nowhere"/>.</summary>
        public int NextInSlot;
    }

    private sealed class ServiceTasks
    {
        public List<int> All { get; private init; } = [];

        /// <summary>The oldest task of each slot of a replicated service.</summary>
        public Dictionary<ulong, int> ByNumber { get; private init; } = [];

        /// <summary>The oldest task of each node of a global service; null when it is none.</summary>
        public Dictionary<string, int>? ByNode { get; private set; }

        public ServiceTasks Clone() => new() { All = new(All), ByNumber = new(ByNumber), ByNode = ByNode is null ? null : new(ByNode) };

        public int First(SlotKey slot) => slot.Slot != 0
            ? ByNumber.GetValueOrDefault(slot.Slot, Nowhere)
            : ByNode?.GetValueOrDefault(slot.NodeId, Nowhere) ?? Nowhere;

        public void SetFirst(SlotKey slot, int place)
        {
            if (slot.Slot != 0)
                Set(ByNumber, slot.Slot, place);
            else
                Set(ByNode ??= [], slot.NodeId, place);
        }

        private static void Set<T>(Dictionary<T, int> slots, T slot, int place) where T : notnull
        {
            if (place == Nowhere)
                slots.Remove(slot);
            else
                slots[slot] = place;
        }
    }

    private sealed class AllTasks(TaskTable table) : IReadOnlyCollection<TaskRecord>
    {
        public int Count => table.Count;

        public IEnumerator<TaskRecord> GetEnumerator()
        {
            for (var i = 0; i < table._used; i++)
            {
                if (table._places[i].Task is { } task)
                    yield return task;
            }
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    private sealed class SomeTasks(TaskTable table, List<int> places) : IReadOnlyCollection<TaskRecord>
    {
        public int Count => places.Count;

        public IEnumerator<TaskRecord> GetEnumerator()
        {
            foreach (var place in places)
                yield return table._places[place].Task!;
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
