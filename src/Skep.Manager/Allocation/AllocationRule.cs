using Skep.State;

namespace Skep.Manager.Allocation;

/// <summary>
/// Every network has its subnets, every service its endpoint, every node its load-balancer addresses; and every new task gets
/// its addresses and becomes PENDING. What cannot be given is tried again when something becomes free; the tasks that wait for
/// it say why. Rules and texts are SwarmKit's (manager/allocator) and libnetwork's (cnmallocator).
/// </summary>
public sealed class AllocationRule : IRule
{
    private readonly AllocationLedger _ledger;
    private readonly NodeNetworks _nodeNetworks = new();
    private readonly WorkSet<string> _networks = new();
    private readonly WorkSet<string> _services = new();
    private readonly WorkSet<string> _nodes = new();
    private readonly WorkSet<string> _tasks = new();

    /// <summary>Tasks of small services, before the others.</summary>
    private readonly WorkSet<string> _fewTasks = new();

    /// <summary>Why networks and services are without what they need, by id.</summary>
    private readonly Dictionary<string, string> _failedNetworks = [];
    private readonly Dictionary<string, string> _failedServices = [];

    /// <summary>Tasks by the id of the network or service that they wait for; nodes by network.</summary>
    private readonly Dictionary<string, WorkSet<string>> _waitingTasks = [];
    private readonly Dictionary<string, WorkSet<string>> _waitingNodes = [];

    /// <summary>Addresses that became free, by network, where somebody waits for one.</summary>
    private readonly Dictionary<string, int> _freed = [];

    private ClusterState _state = new();
    private bool _isNewCluster;
    private bool _lacksPredefined;

    public AllocationRule() => _ledger = new AllocationLedger(OnAddressFreed, RetryServices);

    public bool HasWork =>
        _isNewCluster || _lacksPredefined || _networks.Count > 0 || _services.Count > 0 || _nodes.Count > 0 || _tasks.Count > 0 || _fewTasks.Count > 0 || _freed.Count > 0;

    public DateTimeOffset? NextDue => null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _state = state;
        foreach (var queue in new[] { _networks, _services, _nodes, _tasks, _fewTasks })
            queue.Clear();
        foreach (var waiting in new[] { _waitingTasks, _waitingNodes })
            waiting.Clear();
        _failedNetworks.Clear();
        _failedServices.Clear();
        _freed.Clear();
        _nodeNetworks.Clear();
        _ledger.Rebuild(state);
        // The ingress network is made with the cluster and never again: its operator may have removed it.
        _isNewCluster = false;
        _lacksPredefined = state.Cluster is not null;
        // By age where there is one, so that equal states lead to equal decisions.
        foreach (var network in state.Networks.Values.OrderBy(n => n.Meta.Version.Index).ThenBy(n => n.Id, StringComparer.Ordinal))
            _networks.Add(network.Id);
        foreach (var service in state.Services.Values.OrderBy(s => s.Meta.Version.Index).ThenBy(s => s.Id, StringComparer.Ordinal))
            _services.Add(service.Id);
        foreach (var nodeId in state.Nodes.Keys.Order(StringComparer.Ordinal))
            _nodes.Add(nodeId);
        foreach (var task in state.Tasks.All)
            _nodeNetworks.Update(null, task, _nodes.Add);
        foreach (var task in state.Tasks.All.Where(IsNew).OrderBy(t => t.CreatedAt).ThenBy(t => t.Id, StringComparer.Ordinal))
            AddNew(task);
    }

    public void Note(Change change)
    {
        _ledger.Update(change);
        switch (change)
        {
            case ClusterChange cluster: NoteCluster(cluster.Old, cluster.New); break;
            case NetworkChange network: NoteNetwork(network.Old, network.New); break;
            case ServiceChange service: NoteService(service.Old, service.New); break;
            case NodeChange { New: { } node, Old: null }: _nodes.Add(node.Id); break;
            case TaskChange task: NoteTask(task.Old, task.New); break;
        }
    }

    public void Run(Turn turn)
    {
        if (_isNewCluster)
            DefaultNetworks.CreateIngress(turn);
        if (_lacksPredefined)
            DefaultNetworks.CreatePredefined(turn);
        _isNewCluster = false;
        _lacksPredefined = false;
        GiveFreedAddresses();
        while (!turn.Exhausted && _networks.TryTake(out var id))
            AllocateNetwork(turn, id);
        while (!turn.IsExhausted(forSmall: true) && _services.TryTake(out var id))
            AllocateService(turn, id);
        while (!turn.Exhausted && _nodes.TryTake(out var id))
            AllocateNode(turn, id);
        while (!turn.IsExhausted(forSmall: true) && _fewTasks.TryTake(out var id))
            AllocateTask(turn, id);
        while (!turn.Exhausted && _tasks.TryTake(out var id))
            AllocateTask(turn, id);
    }

    private void NoteCluster(Wire.Cluster? old, Wire.Cluster cluster)
    {
        _isNewCluster |= old is null;
        _lacksPredefined |= old is null;
        if (old is not null && !old.DefaultAddressPool.Equals(cluster.DefaultAddressPool))
            RetryNetworks();
    }

    private void NoteNetwork(Wire.Network? old, Wire.Network? network)
    {
        if (network is not null)
        {
            _networks.Add(network.Id);
            return;
        }
        _failedNetworks.Remove(old!.Id);
        _waitingNodes.Remove(old.Id);
        Wake(_waitingTasks, old.Id, _tasks);
        RetryNetworks();
        foreach (var node in _state.Nodes.Values)
        {
            if (node.Attachments.Any(a => a.Network?.Id == old.Id))
                _nodes.Add(node.Id);
        }
    }

    private void NoteService(Wire.Service? old, Wire.Service? service)
    {
        if (service is not null)
        {
            _services.Add(service.Id);
            return;
        }
        _failedServices.Remove(old!.Id);
        _waitingTasks.Remove(old.Id);
    }

    private void NoteTask(TaskRecord? old, TaskRecord? task)
    {
        _nodeNetworks.Update(old, task, _nodes.Add);
        if (old is null && task is not null && IsNew(task))
            AddNew(task);
    }

    private void AddNew(TaskRecord task) => (SmallServices.Has(_state, task) ? _fewTasks : _tasks).Add(task.Id);

    private static bool IsNew(TaskRecord task) => task.State == Wire.TaskState.New;

    private void OnAddressFreed(string networkId)
    {
        if (_waitingTasks.ContainsKey(networkId) || _waitingNodes.ContainsKey(networkId))
            _freed[networkId] = _freed.GetValueOrDefault(networkId) + 1;
        RetryServices();
    }

    private void RetryNetworks()
    {
        foreach (var id in _failedNetworks.Keys)
            _networks.Add(id);
    }

    private void RetryServices()
    {
        foreach (var id in _failedServices.Keys)
            _services.Add(id);
    }

    // As many as there are free addresses: of 70,000 that wait for a /24, the others would only try in vain.
    private void GiveFreedAddresses()
    {
        foreach (var (networkId, count) in _freed)
        {
            Wake(_waitingNodes, networkId, _nodes, count);
            Wake(_waitingTasks, networkId, _tasks, count);
        }
        _freed.Clear();
    }

    private void Wake(Dictionary<string, WorkSet<string>> waiting, string key, WorkSet<string> target, int count = int.MaxValue)
    {
        if (!waiting.TryGetValue(key, out var queue))
            return;
        while (count > 0 && queue.TryTake(out var id))
        {
            // Those that are gone must not use up another one's chance.
            if (ReferenceEquals(waiting, _waitingTasks) && _state.Tasks.Find(id) is not { State: Wire.TaskState.New, DesiredState: <= Wire.TaskState.Complete })
                continue;
            target.Add(id);
            count--;
        }
        if (queue.Count == 0)
            waiting.Remove(key);
    }

    private static void Wait(Dictionary<string, WorkSet<string>> waiting, string key, string id)
    {
        if (!waiting.TryGetValue(key, out var queue))
            waiting[key] = queue = new WorkSet<string>();
        queue.Add(id);
    }

    private void AllocateNetwork(Turn turn, string id)
    {
        if (!turn.State.Networks.TryGetValue(id, out var network))
            return;
        try
        {
            if (!NetworkKinds.IsAllocated(network))
                turn.Emit(new Mutation { PutNetwork = new PutNetwork { Network = NetworkAllocator.Allocate(network, turn.State.Cluster, _ledger) } });
        }
        catch (AllocationException e)
        {
            Fail(_failedNetworks, id, e.Message);
            return;
        }
        _failedNetworks.Remove(id);
        Wake(_waitingTasks, id, _tasks);
        RetryServices();
        if (_ledger.IngressId != id)
            return;
        foreach (var nodeId in turn.State.Nodes.Keys.Order(StringComparer.Ordinal))
            _nodes.Add(nodeId);
    }

    private void AllocateService(Turn turn, string id)
    {
        if (!turn.State.Services.TryGetValue(id, out var service))
            return;
        try
        {
            foreach (var network in NetworkKinds.Of(service.Spec))
                RequireAllocated(network.Target);
            var endpoint = EndpointAllocator.Allocate(service, _ledger);
            if (!Equals(endpoint, service.Endpoint))
            {
                var changed = service.Clone();
                changed.Endpoint = endpoint;
                turn.Emit(new Mutation { PutService = new PutService { Service = changed } });
            }
        }
        catch (AllocationException e)
        {
            Fail(_failedServices, id, e.Message);
            return;
        }
        _failedServices.Remove(id);
        Wake(_waitingTasks, id, _tasks);
    }

    private void Fail(Dictionary<string, string> reasons, string id, string reason)
    {
        // The tasks that wait have to say the reason of today.
        if (reasons.GetValueOrDefault(id) != reason)
            Wake(_waitingTasks, id, _tasks);
        reasons[id] = reason;
    }

    private void RequireAllocated(string networkId)
    {
        if (!_state.Networks.TryGetValue(networkId, out var network))
            throw new AllocationException($"network {networkId} not found");
        if (!NetworkKinds.IsAllocated(network))
            throw new AllocationException($"network {networkId} is not allocated{Because(_failedNetworks, networkId)}");
    }

    private void AllocateNode(Turn turn, string id)
    {
        if (!turn.State.Nodes.TryGetValue(id, out var node))
            return;
        var wanted = _nodeNetworks.Of(id).Where(n => n != _ledger.IngressId && _ledger.AddressesOf(n) is not null).Order(StringComparer.Ordinal).ToList();
        if (_ledger.IngressId is { } ingress)
            wanted.Insert(0, ingress);
        var kept = node.Attachments.Where(a => a.Addresses.Count > 0 && wanted.Contains(a.Network?.Id ?? "")).ToList();
        var set = new SetNodeAttachments { NodeId = id };
        set.Attachments.Add(kept.Select(a => new Attachment { NetworkId = a.Network.Id, Addresses = { a.Addresses } }));
        foreach (var networkId in wanted.Where(n => !kept.Exists(a => a.Network.Id == n)))
        {
            if (_ledger.AddressesOf(networkId)!.TakeNext() is { } address)
                set.Attachments.Add(new Attachment { NetworkId = networkId, Addresses = { address } });
            else
                Wait(_waitingNodes, networkId, id);
        }
        if (kept.Count != node.Attachments.Count || set.Attachments.Count != kept.Count)
            turn.Emit(new Mutation { SetNodeAttachments = set });
    }

    private void AllocateTask(Turn turn, string id)
    {
        if (turn.State.Tasks.Find(id) is not { State: Wire.TaskState.New, DesiredState: <= Wire.TaskState.Complete } task)
            return;
        var service = turn.State.Services.GetValueOrDefault(task.ServiceId);
        // A service that is gone takes its tasks with it.
        if (service is null && task.ServiceId.Length > 0)
            return;
        if (service is not null && _failedServices.ContainsKey(service.Id))
        {
            Wait(_waitingTasks, service.Id, id);
            Tell(turn, task, $"service {service.Id} to which task {id} belongs has pending allocations{Because(_failedServices, service.Id)}");
            return;
        }
        var allocate = new AllocateTask { TaskId = id };
        foreach (var (networkId, asked) in NetworksOf(task, service))
        {
            if (!turn.State.Networks.TryGetValue(networkId, out var network))
                continue;
            if (Attach(network, asked, out var failure) is { } attachment)
            {
                allocate.Attachments.Add(attachment);
                continue;
            }
            foreach (var taken in allocate.Attachments.Where(a => a.Addresses.Count > 0))
                _ledger.AddressesOf(taken.NetworkId)?.Release(taken.Addresses[0]);
            Wait(_waitingTasks, networkId, id);
            Tell(turn, task, NetworkKinds.IsAllocated(network)
                ? $"failed to allocate network IP for task {id} network {networkId}: {failure}"
                : $"network {networkId} attached to task {id} not allocated yet{Because(_failedNetworks, networkId)}");
            return;
        }
        turn.Emit(new Mutation { AllocateTask = allocate });
    }

    private Attachment? Attach(Wire.Network network, string asked, out string failure)
    {
        failure = "";
        if (!NetworkKinds.IsAllocated(network))
            return null;
        if (_ledger.AddressesOf(network.Id) is not { } addresses)
            return new Attachment { NetworkId = network.Id };
        var isTaken = false;
        if ((asked.Length > 0 ? addresses.Take(asked, out isTaken) : addresses.TakeNext()) is { } address)
            return new Attachment { NetworkId = network.Id, Addresses = { address } };
        failure = isTaken ? "could not allocate IP from IPAM: Address already in use" : "could not find an available IP";
        return null;
    }

    /// <summary>The networks of a task, each with the address it asks for (empty: any).</summary>
    private IEnumerable<(string NetworkId, string Asked)> NetworksOf(TaskRecord task, Wire.Service? service)
    {
        if (service is not null && NetworkKinds.NeedsIngress(service.Spec) && _ledger.IngressId is { } ingress)
            yield return (ingress, "");
        foreach (var network in NetworkKinds.Of(task.Spec.Spec, service?.Spec))
            yield return (network.Target, network.Addresses.FirstOrDefault() ?? "");
    }

    private static string Because(Dictionary<string, string> reasons, string id) => reasons.TryGetValue(id, out var reason) ? $": {reason}" : "";

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
