using System.Collections;

namespace Skep.State;

/// <summary>All tasks, found by id, by node, by service and by slot.</summary>
/// <remarks>
/// Every look-up that a rule needs per task is O(1): a service may have 70,000 tasks and must not be walked for one of them. A task lies in one place
/// of one array and the indexes hold numbers of places, so that its next status is one write whatever indexes there are, a million tasks take some
/// 70 bytes each here, and a copy of the table (a new leader can do nothing before it has one) hashes nothing anew.
/// </remarks>
public sealed class TaskTable
{
    private const int Nowhere = -1;

    private readonly PlaceIndex _byId;
    private readonly PlaceIndex _bySlot; // the oldest task of each slot
    private readonly Dictionary<string, List<int>> _byNode;
    private readonly Dictionary<string, ServicePlaces> _byService;
    private readonly Chunks<Place> _places;
    private int _used;
    private int _free = Nowhere; // the first of the places given back, chained by Place.NextInSlot

    public TaskTable() => (_byId, _bySlot, _byNode, _byService, _places) = (new(), new(), [], [], new());

    private TaskTable(TaskTable other)
    {
        _byId = other._byId.Clone();
        _bySlot = other._bySlot.Clone();
        _byNode = other._byNode.ToDictionary(node => node.Key, node => new List<int>(node.Value));
        _byService = other._byService.ToDictionary(service => service.Key, service => service.Value.Clone());
        _places = other._places.Clone();
        (_used, _free) = (other._used, other._free);
    }

    public int Count => _byId.Count;

    public IReadOnlyCollection<TaskRecord> All => new AllTasks(this);

    public TaskRecord? Find(string id) => Find(id, out _);

    public IReadOnlyCollection<TaskRecord> OnNode(string nodeId) => _byNode.TryGetValue(nodeId, out var places) ? new SomeTasks(this, places) : [];

    public IReadOnlyCollection<TaskRecord> OfService(string serviceId) => _byService.TryGetValue(serviceId, out var service) ? new SomeTasks(this, service.Places) : [];

    /// <summary>How many of a service's tasks are in which state.</summary>
    public TaskCounts CountsOf(string serviceId) => _byService.TryGetValue(serviceId, out var service) ? service.Counts : default;

    /// <summary>The slots of a service that have a task (of any state), in no order.</summary>
    public IReadOnlyCollection<SlotKey> SlotsOf(string serviceId) => _byService.TryGetValue(serviceId, out var service)
        ? [.. service.Places.Where(place => _places[place].IsFirstInSlot).Select(place => _places[place].Task!.SlotKey)]
        : [];

    /// <summary>The tasks of one slot, oldest first: at most a handful (the task, its predecessors kept as history).</summary>
    public IReadOnlyList<TaskRecord> InSlot(string serviceId, SlotKey slot)
    {
        var first = FirstInSlot(serviceId, slot);
        if (first == Nowhere)
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
    internal TaskRecord? Find(string id, out int at)
    {
        for (at = _byId.First(HashOf(id)); at != Nowhere; at = _byId.Next(at))
        {
            if (_places[at].Task is { } task && task.Id == id)
                return task;
        }
        return null;
    }

    internal void Put(TaskRecord? old, TaskRecord task)
    {
        if (old is null)
            Add(task);
        else if (Find(task.Id, out var at) is not null)
            Replace(at, old, task);
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
        var (was, now) = (TaskCounts.Of(place.Task!), TaskCounts.Of(task));
        place.Task = task;
        if (was != now && _byService.TryGetValue(task.ServiceId, out var service))
            service.Counts = service.Counts.Subtract(was).Add(now);
        if (slotChanges)
            AddToSlot(task, at);
    }

    internal void Remove(TaskRecord task)
    {
        if (Find(task.Id, out var at) is null)
            return;
        _byId.Remove(at);
        RemoveFromSlot(task, at);
        RemoveFromNode(task, at);
        if (_byService.TryGetValue(task.ServiceId, out var service))
        {
            var moved = TakeOut(service.Places, _places[at].InService);
            if (moved != Nowhere)
                _places[moved].InService = _places[at].InService;
            service.Counts = service.Counts.Subtract(TaskCounts.Of(_places[at].Task!));
            if (service.Places.Count == 0)
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
            at = _used++;
            _places.Reach(at);
        }
        _byId.Add(HashOf(task.Id), at);
        _places[at] = new Place { Task = task, NextInSlot = Nowhere };
        AddToNode(task, at);
        if (task.ServiceId.Length == 0)
            return;
        if (!_byService.TryGetValue(task.ServiceId, out var service))
            _byService[task.ServiceId] = service = new ServicePlaces([]);
        _places[at].InService = service.Places.Count;
        service.Places.Add(at);
        service.Counts = service.Counts.Add(TaskCounts.Of(task));
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
        if (task.ServiceId.Length == 0)
            return;
        _places[at].NextInSlot = Nowhere;
        var last = FirstInSlot(task.ServiceId, task.SlotKey);
        _places[at].IsFirstInSlot = last == Nowhere;
        if (last == Nowhere)
        {
            _bySlot.Add(HashOf(task.ServiceId, task.SlotKey), at);
            return;
        }
        while (_places[last].NextInSlot != Nowhere)
            last = _places[last].NextInSlot;
        _places[last].NextInSlot = at;
    }

    private void RemoveFromSlot(TaskRecord task, int at)
    {
        if (task.ServiceId.Length == 0)
            return;
        var next = _places[at].NextInSlot;
        if (_places[at].IsFirstInSlot)
        {
            _bySlot.Remove(at);
            if (next == Nowhere)
                return;
            _bySlot.Add(HashOf(task.ServiceId, task.SlotKey), next);
            _places[next].IsFirstInSlot = true;
            return;
        }
        var before = FirstInSlot(task.ServiceId, task.SlotKey);
        while (_places[before].NextInSlot != at)
            before = _places[before].NextInSlot;
        _places[before].NextInSlot = next;
    }

    private int FirstInSlot(string serviceId, SlotKey slot)
    {
        var place = _bySlot.First(HashOf(serviceId, slot));
        while (place != Nowhere && !(_places[place].Task is { } task && task.SlotKey == slot && task.ServiceId == serviceId))
            place = _bySlot.Next(place);
        return place;
    }

    private static int HashOf(string id) => id.GetHashCode(StringComparison.Ordinal);

    private static int HashOf(string serviceId, SlotKey slot) => HashCode.Combine(serviceId, slot);

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

    /// <summary>Where the tasks of a service lie.</summary>
    private sealed class ServicePlaces(List<int> places)
    {
        public List<int> Places => places;

        public TaskCounts Counts { get; set; }

        public ServicePlaces Clone() => new([.. places]) { Counts = Counts };
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

        public bool IsFirstInSlot;
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
