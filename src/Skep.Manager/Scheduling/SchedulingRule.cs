using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// Every pending task gets a node that can run it, or is told why there is none. Filters, preferences and words are SwarmKit's
/// (manager/scheduler); tasks of one spec are placed together, so that the nodes are looked at once for all of them.
/// </summary>
public sealed class SchedulingRule : IRule
{
    /// <summary>Different demands on nodes for which the nodes are kept in order; a bound on memory.</summary>
    private const int MaxOrders = 32;

    private static readonly TimeSpan RankingLife = TimeSpan.FromSeconds(1);

    /// <summary>Nodes looked at in one turn: some 50 ms of work, whatever the number of services.</summary>
    private const int NodesPerTurn = 250_000;

    /// <summary>
    /// Tasks that wait are told a changed reason so often at most: while nodes join or leave by the hundred, the numbers in it
    /// change all the time, and each word to 70,000 waiting tasks is megabytes of log.
    /// </summary>
    private static readonly TimeSpan ExplanationInterval = TimeSpan.FromSeconds(5);

    private readonly NodeLoads _nodes = new();
    private readonly Dictionary<GroupKey, PendingGroup> _groups = [];
    private readonly Queue<PendingGroup> _queue = [];
    private readonly Queue<PendingGroup> _small = []; // of few tasks, before the others
    private readonly WorkSet<string> _preassigned = new();
    private readonly Dictionary<string, HashSet<string>> _refusedByNode = [];
    private readonly WorkSet<string> _changedNodes = new();
    private readonly WorkSet<string> _stopped = new();
    private readonly AssignmentPlan _plan = new();
    private readonly SharedFilters _filters = new();
    private readonly Dictionary<NodeDemand, LeastLoadedNodes> _leastLoaded = [];
    private readonly HashSet<PendingGroup> _toldTooLittle = []; // some task in it was told a reason that is no longer the whole truth
    private ClusterState _state = new();
    private bool _retry;
    private bool _isPlanned; // what is being changed was counted when it was planned
    private ulong _loads;

    public bool HasWork =>
        _queue.Count > 0 || _small.Count > 0 || _preassigned.Count > 0 || _stopped.Count > 0 || _changedNodes.Count > 0 || (_retry && _groups.Count > 0);

    public DateTimeOffset? NextDue
    {
        get
        {
            DateTimeOffset? due = null;
            foreach (var group in _toldTooLittle)
            {
                if (due is null || group.ExplainAgainAt < due)
                    due = group.ExplainAgainAt;
            }
            return due;
        }
    }

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _state = state;
        _groups.Clear();
        _queue.Clear();
        _small.Clear();
        _preassigned.Clear();
        _refusedByNode.Clear();
        _changedNodes.Clear();
        _stopped.Clear();
        _toldTooLittle.Clear();
        _leastLoaded.Clear();
        _plan.Clear();
        _retry = false;
        _nodes.Rebuild(state, now);
        foreach (var task in OldestFirst(state.Tasks.All))
        {
            if (PendingGroup.IsWaiting(task))
                Add(task);
            else if (IsStoppedEarly(task))
                _stopped.Add(task.Id);
        }
    }

    // Tasks lie in the table as they were made, but for those in places of removed ones. A million that wait are mostly in order already, and are then
    // placed in the order of memory.
    private static List<TaskRecord> OldestFirst(IEnumerable<TaskRecord> tasks)
    {
        List<TaskRecord> early = [.. tasks.Where(task => task.State <= Wire.TaskState.Pending)];
        for (var i = 1; i < early.Count; i++)
        {
            if (early[i].CreatedAt < early[i - 1].CreatedAt)
                return [.. early.OrderBy(task => task.CreatedAt)];
        }
        return early;
    }

    public void Note(Change change)
    {
        switch (change)
        {
            case TaskChange task: NoteTask(task.Old, task.New); break;
            case NodeChange node: NoteNode(node.Old, node.New); break;
            case ManagerChange manager: NoteManager(manager.Old?.NodeId); NoteManager(manager.New?.NodeId); break;
        }
    }

    public void Run(Turn turn)
    {
        while (!turn.Exhausted && _stopped.TryTake(out var id))
            Stop(turn, id);
        QueueWhatMayFitNow(turn.Now);
        var filters = new Dictionary<GroupKey, NodeFilters>();
        while (!turn.Exhausted && _preassigned.TryTake(out var id))
            CheckPreassigned(turn, id, filters);
        var nodes = NodesPerTurn;
        for (var left = _small.Count; left > 0 && nodes > 0 && _plan.Count < turn.BudgetOf(small: true) && _small.TryDequeue(out var group); left--)
        {
            group.IsQueued = false;
            // It may have grown.
            if (group.IsSmall)
                nodes -= 1 + Place(turn, group, turn.BudgetOf(small: true));
            else
                Queue(group);
        }
        while (nodes > 0 && _plan.Count < turn.Budget && _queue.TryDequeue(out var group))
        {
            group.IsQueued = false;
            // Others that wait have the next turn.
            nodes -= 1 + Place(turn, group, turn.Budget);
        }
        EmitPlan(turn);
    }

    private void NoteTask(TaskRecord? old, TaskRecord? task)
    {
        if (_isPlanned)
            return;
        switch (_nodes.Update(old, task))
        {
            case LoadChange.Fuller: _loads++; break;
            case LoadChange.Freer: MoreMayFit(old!.NodeId); break;
        }
        var waited = old is not null && PendingGroup.IsWaiting(old);
        var waits = task is not null && PendingGroup.IsWaiting(task);
        if (waits && !waited)
            Add(task!);
        else if (waited && !waits)
            Leave(old!);
        if (task is not null && IsStoppedEarly(task))
            _stopped.Add(task.Id);
    }

    private void NoteNode(Wire.Node? old, Wire.Node? node)
    {
        if (node is null)
        {
            _nodes.Remove(old!.Id);
            MoreMayFit(old.Id);
            return;
        }
        _nodes.Put(_state, node);
        // A node gets and loses network addresses all the time; that is nothing to the scheduler.
        if (old is not null && old.Role == node.Role && Equals(old.Status, node.Status) && Equals(old.Spec, node.Spec) && Equals(old.Description, node.Description))
            return;
        _nodes.UpdateRole(_state, node.Id);
        MoreMayFit(node.Id);
    }

    private void NoteManager(string? nodeId)
    {
        if (string.IsNullOrEmpty(nodeId))
            return;
        _nodes.UpdateRole(_state, nodeId);
        MoreMayFit(nodeId);
    }

    // A node is another one than before, or freer: what did not fit may fit now, and whatever order nodes were in no longer holds.
    private void MoreMayFit(string nodeId)
    {
        _retry = true;
        _changedNodes.Add(nodeId);
        _leastLoaded.Clear();
        _loads++;
    }

    private void Add(TaskRecord task)
    {
        if (task.NodeId.Length > 0)
        {
            _preassigned.Add(task.Id);
            return;
        }
        var key = GroupKey.Of(task);
        if (!_groups.TryGetValue(key, out var group))
            _groups[key] = group = new PendingGroup(key, task);
        group.Add(task);
        Queue(group);
    }

    private void Leave(TaskRecord task)
    {
        if (task.NodeId.Length == 0)
            _groups.GetValueOrDefault(GroupKey.Of(task))?.Leave(task.Id);
        else if (_refusedByNode.TryGetValue(task.NodeId, out var refused) && refused.Remove(task.Id) && refused.Count == 0)
            _refusedByNode.Remove(task.NodeId);
    }

    private void Queue(PendingGroup group)
    {
        if (group.IsQueued)
            return;
        group.IsQueued = true;
        (group.IsSmall ? _small : _queue).Enqueue(group);
    }

    private void QueueWhatMayFitNow(DateTimeOffset now)
    {
        foreach (var group in _retry ? _groups.Values : (IEnumerable<PendingGroup>)_toldTooLittle)
        {
            if (_retry || group.ExplainAgainAt <= now)
                Queue(group);
        }
        _retry = false;
        while (_changedNodes.TryTake(out var nodeId))
        {
            if (!_refusedByNode.Remove(nodeId, out var tasks))
                continue;
            foreach (var id in tasks)
                _preassigned.Add(id);
        }
    }

    // A task that was never given to an engine has nobody to stop it and say so.
    private static bool IsStoppedEarly(TaskRecord task) => task is { State: <= Wire.TaskState.Pending, DesiredState: Wire.TaskState.Shutdown };

    private static void Stop(Turn turn, string taskId)
    {
        if (turn.State.Tasks.Find(taskId) is not { } task || !IsStoppedEarly(task))
            return;
        turn.Emit(new Mutation
        {
            SetTaskStatus = new SetTaskStatus
            {
                TaskId = taskId,
                Status = new Wire.TaskStatus { State = Wire.TaskState.Shutdown, Message = "shutdown", Timestamp = SwarmTime.ToWire(turn.Now) },
            },
        });
    }

    private void CheckPreassigned(Turn turn, string taskId, Dictionary<GroupKey, NodeFilters> cache)
    {
        if (turn.State.Tasks.Find(taskId) is not { } task || !PendingGroup.IsWaiting(task))
            return;
        var node = _nodes.Find(task.NodeId);
        var filters = FiltersOf(task, GroupKey.Of(task), cache);
        if (node is not null && filters.Pass(node))
        {
            Assign(turn, task, node);
            return;
        }
        if (!_refusedByNode.TryGetValue(task.NodeId, out var refused))
            _refusedByNode[task.NodeId] = refused = [];
        refused.Add(taskId);
        if (node is not null)
            Tell(turn, task, filters.Explain([node]));
    }

    /// <summary>Plans nodes for some tasks of a group, until the plan has as many as the limit; returns how many nodes it looked at.</summary>
    private int Place(Turn turn, PendingGroup group, int limit)
    {
        var looked = 0;
        var ranking = group.Ranking is { } kept && kept.Loads == _loads && turn.Now - kept.MadeAt < RankingLife ? kept : null;
        var filters = ranking?.Filters ?? _filters.Of(_state, group.Sample);
        group.Ranking = null;
        _loads++;
        if (ranking is null && group.IsSmall && group.Key.Spec.Spec.Placement is not { Preferences.Count: > 0 })
        {
            var nodes = LeastLoaded(filters, ref looked);
            while (_plan.Count < limit && group.First is { } id && nodes.Find(group.Key.Spec, filters, turn.Now) is { } node)
            {
                _plan.Add(id, group.Sample, node);
                group.RemoveFirst();
            }
            nodes.PutBack();
        }
        if (_plan.Count < limit && group.First is not null)
        {
            if (ranking is null)
            {
                ranking = new Ranking(new SpreadTree(group.Key.Spec, filters, _nodes.Sorted, turn.Now), filters, _loads, turn.Now);
                looked += _nodes.Sorted.Count;
            }
            PlaceByTree(group, ranking.Tree, limit);
        }
        if (group.First is null)
        {
            _groups.Remove(group.Key);
            _toldTooLittle.Remove(group);
        }
        else if (_plan.Count < limit)
        {
            EmitPlan(turn);
            Explain(turn, group, filters);
        }
        else
        {
            group.Ranking = ranking is null ? null : ranking with { Loads = _loads };
            Queue(group);
        }
        return looked;
    }

    private void PlaceByTree(PendingGroup group, SpreadTree tree, int limit)
    {
        string? id = null;
        void Add(NodeLoad node) => _plan.Add(id!, group.Sample, node);
        Action<NodeLoad> add = Add;
        while (_plan.Count < limit && (id = group.First) is not null && tree.TryPlace(add))
            group.RemoveFirst();
    }

    private LeastLoadedNodes LeastLoaded(NodeFilters filters, ref int looked)
    {
        if (_leastLoaded.TryGetValue(filters.OfNode, out var nodes))
            return nodes;
        if (_leastLoaded.Count >= MaxOrders)
            _leastLoaded.Clear();
        looked += _nodes.Sorted.Count;
        return _leastLoaded[filters.OfNode] = new LeastLoadedNodes(filters, _nodes.Sorted);
    }

    private void EmitPlan(Turn turn)
    {
        _isPlanned = true;
        _plan.Emit(turn);
        _isPlanned = false;
    }

    private NodeFilters FiltersOf(TaskRecord task, GroupKey key, Dictionary<GroupKey, NodeFilters> cache) =>
        cache.TryGetValue(key, out var filters) ? filters : cache[key] = _filters.Of(_state, task);

    private static void Assign(Turn turn, TaskRecord task, NodeLoad node)
    {
        var assign = new AssignTask { TaskId = task.Id, NodeId = node.Node.Id };
        if (task.Spec.Spec.Resources?.Reservations is { Generic.Count: > 0 } reserved)
            assign.GenericResources.Add(node.ChooseGeneric(reserved.Generic));
        turn.Emit(new Mutation { AssignTask = assign });
    }

    private void Explain(Turn turn, PendingGroup group, NodeFilters filters)
    {
        var reasons = filters.Explain(_nodes.Sorted);
        var text = reasons.Length > 0 ? $"no suitable node ({reasons})" : "no suitable node";
        var mayRepeat = group.ExplainAgainAt <= turn.Now;
        _toldTooLittle.Remove(group);
        foreach (var task in group.Waiting(turn.State))
        {
            // Whoever is about to be replaced by a task of a newer spec need not be told; nor whose service is gone.
            if (task.Status.Err == text || !ReferenceEquals(turn.State.TaskSpecOf(task.ServiceId), task.Spec))
                continue;
            if (task.Status.Err.Length > 0 && !mayRepeat)
            {
                _toldTooLittle.Add(group);
                continue;
            }
            if (turn.IsExhausted(group.IsSmall))
            {
                Queue(group);
                return;
            }
            Tell(turn, task, text);
        }
        if (mayRepeat)
            group.ExplainAgainAt = turn.Now + ExplanationInterval;
    }

    private static void Tell(Turn turn, TaskRecord task, string text)
    {
        if (task.Status.Err == text)
            return;
        var status = task.Status.ToWire();
        status.Err = text;
        status.Timestamp = SwarmTime.ToWire(turn.Now);
        turn.Emit(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = task.Id, Status = status } });
    }
}
