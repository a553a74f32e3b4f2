using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Skep.State;

/// <summary>
/// Everything the cluster has agreed on, in memory. Changed only by applying mutations; the same mutations in the same order
/// give equal states on every manager. Does no I/O, knows no clock; not thread-safe (see <see cref="StateStore"/>).
/// </summary>
/// <remarks>Objects are frozen once they are in: a change replaces the object. Whoever wants to change one clones it first.</remarks>
public sealed class ClusterState
{
    /// <summary>The newest format of batches that this program understands.</summary>
    public const uint Format = 2;

    /// <summary>The format from which on batches may assign many tasks at once.</summary>
    public const uint FormatOfAssignTasks = 2;

    private readonly Dictionary<string, Manager> _managers = [];
    private readonly Dictionary<string, Wire.Node> _nodes = [];
    private readonly Dictionary<string, HeldSession> _sessions = [];
    private readonly Dictionary<string, Wire.Service> _services = [];
    private readonly Dictionary<string, string> _serviceIdsByName = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, Wire.Network> _networks = [];
    private readonly Dictionary<string, Wire.Secret> _secrets = [];
    private readonly Dictionary<string, Wire.Config> _configs = [];
    private readonly Dictionary<string, TaskSpecRecord> _taskSpecs = [];
    private readonly SharedTexts _texts = new();
    private TaskStatusRecord? _allocatedStatus; // of all tasks that the present batch allocates

    /// <summary>Number of the last batch: what the API shows as Version.Index of the objects it changed. 0: nothing yet.</summary>
    public ulong Version { get; private set; }

    /// <summary>When the last batch was made, by the clock of the leader that made it.</summary>
    public DateTimeOffset Time { get; private set; } = DateTimeOffset.UnixEpoch;

    /// <summary>The one cluster object; null before swarm init.</summary>
    public Wire.Cluster? Cluster { get; private set; }

    public IReadOnlyDictionary<string, Manager> Managers => _managers;

    public IReadOnlyDictionary<string, Wire.Node> Nodes => _nodes;

    /// <summary>The newest format of batches that every member understands: what a leader may write while managers of two versions are in the group.</summary>
    public uint SharedFormat => _managers.Values.Where(manager => manager.IsMember).Select(manager => manager.KnownFormat).Append(Format).Min();

    /// <summary>By node: the session that it registered last, and which manager holds it. A node that never came has none.</summary>
    public IReadOnlyDictionary<string, HeldSession> Sessions => _sessions;

    public IReadOnlyDictionary<string, Wire.Service> Services => _services;

    public IReadOnlyDictionary<string, Wire.Network> Networks => _networks;

    public IReadOnlyDictionary<string, Wire.Secret> Secrets => _secrets;

    public IReadOnlyDictionary<string, Wire.Config> Configs => _configs;

    public TaskTable Tasks { get; private init; } = new();

    /// <summary>A service by its name; names are compared without case, as stock does.</summary>
    public Wire.Service? ServiceByName(string name) =>
        _serviceIdsByName.TryGetValue(name, out var id) ? _services[id] : null;

    /// <summary>The spec that new tasks of a service get; null for an unknown service. A task whose Spec is another object is outdated.</summary>
    public TaskSpecRecord? TaskSpecOf(string serviceId) => _taskSpecs.GetValueOrDefault(serviceId);

    /// <summary>Applies a whole batch and returns what changed, in order.</summary>
    /// <exception cref="StateFormatException">The batch is of a newer format.</exception>
    /// <exception cref="StateDivergedException">A mutation does not fit this state; nothing after it was applied.</exception>
    public List<Change> Apply(Batch batch)
    {
        if (batch.Format > Format)
            throw new StateFormatException("log entry", batch.Format, Format);
        Begin(SwarmTime.FromLog(batch.Time));
        var changes = new List<Change>(batch.Mutations.Count);
        foreach (var mutation in batch.Mutations)
            Apply(mutation, changes);
        return changes;
    }

    /// <summary>Takes over what a batch did to a copy of this state. Only objects change hands, and those are frozen.</summary>
    /// <exception cref="ArgumentException">It was made in a state of another version.</exception>
    public void TakeOver(BatchChanges made)
    {
        if (made.Version != Version + 1)
            throw new ArgumentException($"changes up to version {made.Version} do not follow version {Version}", nameof(made));
        Begin(made.Time);
        foreach (var change in made.Changes)
            Put(change);
    }

    /// <summary>Starts a batch: the mutations that follow belong to it and carry its version and time.</summary>
    public void Begin(DateTimeOffset time)
    {
        Version++;
        Time = time;
        _allocatedStatus = null;
    }

    /// <summary>Applies one mutation of the batch begun last and appends what changed.</summary>
    public void Apply(Mutation mutation, List<Change> changes)
    {
        switch (mutation.KindCase)
        {
            case Mutation.KindOneofCase.PutCluster: PutCluster(mutation.PutCluster.Cluster, changes); break;
            case Mutation.KindOneofCase.PutManager: PutManager(mutation.PutManager.Manager, changes); break;
            case Mutation.KindOneofCase.RemoveManager: Put(new ManagerChange(Get(_managers, mutation.RemoveManager.Id), null), changes); break;
            case Mutation.KindOneofCase.PutNode: PutNode(mutation.PutNode.Node, changes); break;
            case Mutation.KindOneofCase.SetNodeStatus: SetNodeStatus(mutation.SetNodeStatus, changes); break;
            case Mutation.KindOneofCase.SetNodeSession: SetNodeSession(mutation.SetNodeSession, changes); break;
            case Mutation.KindOneofCase.RemoveNode: RemoveNode(mutation.RemoveNode.Id, changes); break;
            case Mutation.KindOneofCase.SetNodeAttachments: SetNodeAttachments(mutation.SetNodeAttachments, changes); break;
            case Mutation.KindOneofCase.PutService: PutService(mutation.PutService.Service, changes); break;
            case Mutation.KindOneofCase.RemoveService: Put(new ServiceChange(Get(_services, mutation.RemoveService.Id), null), changes); break;
            case Mutation.KindOneofCase.PutNetwork: PutNetwork(mutation.PutNetwork.Network, changes); break;
            case Mutation.KindOneofCase.RemoveNetwork: Put(new NetworkChange(Get(_networks, mutation.RemoveNetwork.Id), null), changes); break;
            case Mutation.KindOneofCase.PutSecret: PutSecret(mutation.PutSecret.Secret, changes); break;
            case Mutation.KindOneofCase.RemoveSecret: Put(new SecretChange(Get(_secrets, mutation.RemoveSecret.Id), null), changes); break;
            case Mutation.KindOneofCase.PutConfig: PutConfig(mutation.PutConfig.Config, changes); break;
            case Mutation.KindOneofCase.RemoveConfig: Put(new ConfigChange(Get(_configs, mutation.RemoveConfig.Id), null), changes); break;
            case Mutation.KindOneofCase.CreateTasks: CreateTasks(mutation.CreateTasks, changes); break;
            case Mutation.KindOneofCase.CreateAttachment: CreateAttachment(mutation.CreateAttachment, changes); break;
            case Mutation.KindOneofCase.AllocateTask: AllocateTask(mutation.AllocateTask, changes); break;
            case Mutation.KindOneofCase.AssignTask: AssignTask(mutation.AssignTask, changes); break;
            case Mutation.KindOneofCase.AssignTasks: AssignTasks(mutation.AssignTasks, changes); break;
            case Mutation.KindOneofCase.SetTaskDesiredState: SetTaskDesiredState(mutation.SetTaskDesiredState, changes); break;
            case Mutation.KindOneofCase.SetTaskStatus: SetTaskStatus(mutation.SetTaskStatus, changes); break;
            case Mutation.KindOneofCase.RemoveTasks: RemoveTasks(mutation.RemoveTasks, changes); break;
            case Mutation.KindOneofCase.None:
            default:
                throw new StateDivergedException("a mutation of a kind that this version of skepd does not know");
        }
    }

    /// <summary>A second state that shares the (frozen) objects: milliseconds for 100,000 tasks.</summary>
    public ClusterState Clone()
    {
        var copy = new ClusterState { Version = Version, Time = Time, Cluster = Cluster, Tasks = Tasks.Clone() };
        foreach (var (id, manager) in _managers) copy._managers.Add(id, manager);
        foreach (var (id, node) in _nodes) copy._nodes.Add(id, node);
        foreach (var (id, session) in _sessions) copy._sessions.Add(id, session);
        foreach (var (id, service) in _services) copy.IndexService(null, service);
        foreach (var (id, spec) in _taskSpecs) copy._taskSpecs.Add(id, spec);
        foreach (var (id, network) in _networks) copy._networks.Add(id, network);
        foreach (var (id, secret) in _secrets) copy._secrets.Add(id, secret);
        foreach (var (id, config) in _configs) copy._configs.Add(id, config);
        return copy;
    }

    /// <summary>Fills an empty state from a snapshot: objects keep the versions and times they had.</summary>
    internal void Restore(ulong version, DateTimeOffset time)
    {
        Version = version;
        Time = time;
    }

    internal void Restore(IMessage message)
    {
        switch (message)
        {
            case Wire.Cluster cluster: Cluster = cluster; break;
            case Manager manager: _managers.Add(manager.Id, manager); break;
            case Wire.Node node: _nodes.Add(node.Id, node); break;
            case HeldSession session: _sessions.Add(session.NodeId, session); break;
            case Wire.Service service: IndexService(null, service); break;
            case Wire.Network network: _networks.Add(network.Id, network); break;
            case Wire.Secret secret: _secrets.Add(secret.Id, secret); break;
            case Wire.Config config: _configs.Add(config.Id, config); break;
            default: throw new ArgumentException(message.Descriptor.FullName, nameof(message));
        }
    }

    internal void Restore(TaskRecord task) => Tasks.Put(null, task);

    /// <summary>The node's own string, if there is such a node: a million tasks would each hold one.</summary>
    internal string OwnId(string nodeId) => _nodes.TryGetValue(nodeId, out var node) ? node.Id : nodeId;

    /// <summary>The service's own object, if it is as that: the service's tasks share it.</summary>
    internal Wire.Endpoint? OwnEndpoint(string serviceId, Wire.Endpoint? endpoint) =>
        _services.TryGetValue(serviceId, out var service) && Equals(service.Endpoint, endpoint) ? service.Endpoint : endpoint;

    /// <summary>As small as they can be: a task keeps them for its life.</summary>
    internal IReadOnlyList<Attachment> OwnAttachments(RepeatedField<Attachment> attachments)
    {
        if (attachments.Count == 0)
            return [];
        foreach (var attachment in attachments)
        {
            attachment.NetworkId = _networks.TryGetValue(attachment.NetworkId, out var network) ? network.Id : attachment.NetworkId;
            attachment.Addresses.Capacity = attachment.Addresses.Count;
        }
        return [.. attachments];
    }

    internal TaskStatusRecord NewStatus(Wire.TaskStatus status) => new(status, _texts);

    internal void RestoreTaskSpec(TaskSpecRecord spec) => _taskSpecs[spec.ServiceId] = spec;

    private Wire.Meta NextMeta(Wire.Meta? old) => new()
    {
        Version = new Wire.Version { Index = Version },
        CreatedAt = old?.CreatedAt ?? SwarmTime.ToWire(Time),
        UpdatedAt = SwarmTime.ToWire(Time),
    };

    private void PutCluster(Wire.Cluster cluster, List<Change> changes)
    {
        var old = Cluster;
        cluster.Meta = NextMeta(old?.Meta);
        Put(new ClusterChange(old, cluster), changes);
    }

    private void PutManager(Manager manager, List<Change> changes)
    {
        Put(new ManagerChange(_managers.GetValueOrDefault(manager.Id), manager), changes);
    }

    private void PutNode(Wire.Node node, List<Change> changes)
    {
        var old = _nodes.GetValueOrDefault(node.Id);
        node.Meta = NextMeta(old?.Meta);
        Put(new NodeChange(old, node), changes);
    }

    private void SetNodeStatus(SetNodeStatus set, List<Change> changes)
    {
        var old = Get(_nodes, set.NodeId);
        var node = old.Clone();
        node.Meta = NextMeta(old.Meta);
        node.Status = new Wire.NodeStatus
        {
            State = set.State,
            Message = set.Message,
            Addr = set.Addr.Length > 0 ? set.Addr : old.Status?.Addr ?? "",
        };
        Put(new NodeChange(old, node), changes);
    }

    // Not a change of the node object: whoever updates the node by its version is not disturbed.
    private void SetNodeSession(HeldSession session, List<Change> changes)
    {
        Get(_nodes, session.NodeId);
        Put(new SessionChange(_sessions.GetValueOrDefault(session.NodeId), session), changes);
    }

    private void RemoveNode(string id, List<Change> changes)
    {
        var node = Get(_nodes, id);
        if (_sessions.TryGetValue(id, out var session))
            Put(new SessionChange(session, null), changes);
        Put(new NodeChange(node, null), changes);
    }

    private void SetNodeAttachments(SetNodeAttachments set, List<Change> changes)
    {
        var old = Get(_nodes, set.NodeId);
        var node = old.Clone();
        node.Meta = NextMeta(old.Meta);
        node.Attachments.Clear();
        foreach (var attachment in set.Attachments)
            node.Attachments.Add(new Wire.NetworkAttachment { Network = Get(_networks, attachment.NetworkId), Addresses = { attachment.Addresses } });
#pragma warning disable CS0612 // Deprecated on the wire; engines older than 18.03 know this one attachment only, the ingress network's.
        node.Attachment = node.Attachments.FirstOrDefault(a => a.Network.Spec.Ingress);
#pragma warning restore CS0612
        Put(new NodeChange(old, node), changes);
    }

    private void PutService(Wire.Service service, List<Change> changes)
    {
        var old = _services.GetValueOrDefault(service.Id);
        service.Meta = NextMeta(old?.Meta);
        // A rule that changes the spec leaves spec_version empty: it becomes this batch's version, known only here.
        service.SpecVersion ??= new Wire.Version { Index = Version };
        // Scaling changes the service's spec but not its tasks': they go on sharing the record, and "task.Spec is not
        // TaskSpecOf(service)" is the whole test for an outdated task.
        var spec = new TaskSpecRecord(service.Id, service.SpecVersion.Index, service.Spec.Annotations ?? new(), service.Spec.Task ?? new());
        if (_taskSpecs.GetValueOrDefault(service.Id) is { } present && present.SameAs(spec))
            spec = present;
        Put(new ServiceChange(old, service) { Spec = spec }, changes);
    }

    private void IndexService(Wire.Service? old, Wire.Service service)
    {
        if (old is not null)
            _serviceIdsByName.Remove(old.Spec.Annotations?.Name ?? "");
        _services[service.Id] = service;
        _serviceIdsByName[service.Spec.Annotations?.Name ?? ""] = service.Id;
    }

    private void PutNetwork(Wire.Network network, List<Change> changes)
    {
        var old = _networks.GetValueOrDefault(network.Id);
        network.Meta = NextMeta(old?.Meta);
        Put(new NetworkChange(old, network), changes);
    }

    private void PutSecret(Wire.Secret secret, List<Change> changes)
    {
        var old = _secrets.GetValueOrDefault(secret.Id);
        secret.Meta = NextMeta(old?.Meta);
        Put(new SecretChange(old, secret), changes);
    }

    private void PutConfig(Wire.Config config, List<Change> changes)
    {
        var old = _configs.GetValueOrDefault(config.Id);
        config.Meta = NextMeta(old?.Meta);
        Put(new ConfigChange(old, config), changes);
    }

    private void CreateTasks(CreateTasks create, List<Change> changes)
    {
        var spec = Get(_taskSpecs, create.ServiceId);
        var status = CreatedStatus();
        foreach (var task in create.Tasks)
        {
            if (Tasks.Find(task.Id) is not null)
                throw new StateDivergedException($"task {task.Id} is created twice");
            Put(new TaskChange(null, new TaskRecord
            {
                Id = task.Id,
                Spec = spec,
                Slot = task.Slot,
                NodeId = OwnId(task.NodeId),
                DesiredState = task.DesiredState,
                Status = status,
                Version = Version,
                CreatedAt = Time,
                UpdatedAt = Time,
            }), changes);
        }
    }

    private void CreateAttachment(CreateAttachment create, List<Change> changes) => Put(new TaskChange(null, new TaskRecord
    {
        Id = create.Id,
        Spec = new TaskSpecRecord("", Version, new(), create.Spec),
        NodeId = OwnId(create.NodeId),
        DesiredState = Wire.TaskState.Running,
        Status = CreatedStatus(),
        Version = Version,
        CreatedAt = Time,
        UpdatedAt = Time,
    }), changes);

    private TaskStatusRecord CreatedStatus() => StatusNow(Wire.TaskState.New, "created");

    private TaskStatusRecord StatusNow(Wire.TaskState reached, string message) =>
        new(new Wire.TaskStatus { State = reached, Message = message, Timestamp = SwarmTime.ToWire(Time) });

    private void AllocateTask(AllocateTask allocate, List<Change> changes)
    {
        var task = GetTask(allocate.TaskId);
        Put(new TaskChange(task, task with
        {
            Attachments = OwnAttachments(allocate.Attachments),
            Endpoint = _services.GetValueOrDefault(task.ServiceId)?.Endpoint,
            Status = _allocatedStatus ??= StatusNow(Wire.TaskState.Pending, "pending task scheduling"),
            Version = Version,
            UpdatedAt = Time,
        }), changes);
    }

    private void AssignTask(AssignTask assign, List<Change> changes)
    {
        var task = GetTask(assign.TaskId, out var at);
        var message = task.NodeId.Length > 0 ? "scheduler confirmed task can run on preassigned node" : "scheduler assigned task to node";
        Assign(task, at, OwnId(assign.NodeId), [.. assign.GenericResources], StatusNow(Wire.TaskState.Assigned, message), changes);
    }

    private void AssignTasks(AssignTasks assign, List<Change> changes)
    {
        if (assign.TaskIds.Count != assign.Nodes.Count)
            throw new StateDivergedException($"a mutation assigns {assign.TaskIds.Count} tasks to {assign.Nodes.Count} nodes");
        string[] nodeIds = [.. assign.NodeIds.Select(OwnId)];
        var status = StatusNow(Wire.TaskState.Assigned, "scheduler assigned task to node");
        changes.EnsureCapacity(changes.Count + assign.TaskIds.Count);
        for (var i = 0; i < assign.TaskIds.Count; i++)
        {
            if (assign.Nodes[i] >= nodeIds.Length)
                throw new StateDivergedException($"a mutation assigns task {assign.TaskIds[i]} to a node that it does not name");
            Assign(GetTask(assign.TaskIds[i], out var at), at, nodeIds[assign.Nodes[i]], [], status, changes);
        }
    }

    private void Assign(TaskRecord task, int at, string nodeId, IReadOnlyList<Wire.GenericResource> genericResources, TaskStatusRecord status, List<Change> changes)
    {
        // Past Put, which would look the task up again: this is where a burst spends its time.
        var assigned = task with { NodeId = nodeId, GenericResources = genericResources, Status = status, Version = Version, UpdatedAt = Time };
        Tasks.Replace(at, task, assigned);
        changes.Add(new TaskChange(task, assigned));
    }

    private void SetTaskDesiredState(SetTaskDesiredState set, List<Change> changes)
    {
        var task = GetTask(set.TaskId);
        Put(new TaskChange(task, task with { DesiredState = set.DesiredState, Version = Version, UpdatedAt = Time }), changes);
    }

    private void SetTaskStatus(SetTaskStatus set, List<Change> changes)
    {
        var task = GetTask(set.TaskId);
        Put(new TaskChange(task, task with { Status = NewStatus(set.Status), Version = Version, UpdatedAt = Time }), changes);
    }

    private void RemoveTasks(RemoveTasks remove, List<Change> changes)
    {
        foreach (var id in remove.TaskIds)
        {
            Put(new TaskChange(GetTask(id), null), changes);
        }
    }

    /// <summary>Every change of the state is made here, and in <see cref="Assign"/>.</summary>
    private void Put(Change change)
    {
        switch (change)
        {
            case TaskChange { New: { } task } changed: Tasks.Put(changed.Old, task); break;
            case TaskChange { Old: { } task }: Tasks.Remove(task); break;
            case ClusterChange cluster: Cluster = cluster.New; break;
            case ManagerChange manager: Put(_managers, manager.Old?.Id, manager.New?.Id, manager.New); break;
            case NodeChange node: Put(_nodes, node.Old?.Id, node.New?.Id, node.New); break;
            case SessionChange session: Put(_sessions, session.Old?.NodeId, session.New?.NodeId, session.New); break;
            case ServiceChange service: PutService(service); break;
            case NetworkChange network: Put(_networks, network.Old?.Id, network.New?.Id, network.New); break;
            case SecretChange secret: Put(_secrets, secret.Old?.Id, secret.New?.Id, secret.New); break;
            case ConfigChange config: Put(_configs, config.Old?.Id, config.New?.Id, config.New); break;
            default: throw new ArgumentException(change.GetType().Name, nameof(change));
        }
    }

    private void Put(Change change, List<Change> changes)
    {
        Put(change);
        changes.Add(change);
    }

    private static void Put<T>(Dictionary<string, T> table, string? oldId, string? id, T? value) where T : class
    {
        if (id is not null)
            table[id] = value!;
        else
            table.Remove(oldId!);
    }

    private void PutService(ServiceChange change)
    {
        if (change.New is { } service)
        {
            IndexService(change.Old, service);
            _taskSpecs[service.Id] = change.Spec!;
            return;
        }
        var removed = change.Old!;
        _services.Remove(removed.Id);
        _serviceIdsByName.Remove(removed.Spec.Annotations?.Name ?? "");
        _taskSpecs.Remove(removed.Id);
    }

    private TaskRecord GetTask(string id) => GetTask(id, out _);

    private TaskRecord GetTask(string id, out int at) =>
        Tasks.Find(id, out at) ?? throw new StateDivergedException($"a mutation names the unknown task {id}");

    private static T Get<T>(Dictionary<string, T> table, string id) =>
        table.TryGetValue(id, out var value) ? value : throw new StateDivergedException($"a mutation names the unknown {typeof(T).Name} {id}");
}
