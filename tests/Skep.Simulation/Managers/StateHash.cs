using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Google.Protobuf;
using Skep.State;

namespace Skep.Simulation.Managers;

/// <summary>
/// A hash of a whole state that follows its changes: the sum of the hashes of its objects, so that the order does not matter and one change
/// costs one object. Made anew from the state it must be the same, or a change was not told.
/// </summary>
internal sealed class StateHash
{
    private readonly Dictionary<string, ulong> _objects = [];
    private readonly List<byte> _buffer = [];

    public ulong Value { get; private set; }

    public void Reset(ClusterState state)
    {
        _objects.Clear();
        Value = 0;
        Put("cluster", state.Cluster);
        foreach (var manager in state.Managers.Values)
            Put(manager.Id, manager);
        foreach (var node in state.Nodes.Values)
            Put(node.Id, node);
        foreach (var service in state.Services.Values)
            Put(service.Id, service);
        foreach (var network in state.Networks.Values)
            Put(network.Id, network);
        foreach (var secret in state.Secrets.Values)
            Put(secret.Id, secret);
        foreach (var config in state.Configs.Values)
            Put(config.Id, config);
        foreach (var session in state.Sessions.Values)
            Put($"session {session.NodeId}", session);
        foreach (var task in state.Tasks.All)
            Put(task.Id, task);
    }

    public void Update(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
        {
            switch (change)
            {
                case TaskChange task: Put(task.Either.Id, task.New); break;
                case ClusterChange cluster: Put("cluster", cluster.New); break;
                case ManagerChange manager: Put((manager.New ?? manager.Old)!.Id, manager.New); break;
                case NodeChange node: Put((node.New ?? node.Old)!.Id, node.New); break;
                case SessionChange session: Put($"session {(session.New ?? session.Old)!.NodeId}", session.New); break;
                case ServiceChange service: Put((service.New ?? service.Old)!.Id, service.New); break;
                case NetworkChange network: Put((network.New ?? network.Old)!.Id, network.New); break;
                case SecretChange secret: Put((secret.New ?? secret.Old)!.Id, secret.New); break;
                case ConfigChange config: Put((config.New ?? config.Old)!.Id, config.New); break;
            }
        }
    }

    private void Put(string id, IMessage? message) => Replace(id, message is null ? null : XxHash3.HashToUInt64(message.ToByteArray()));

    private void Put(string id, TaskRecord? task) => Replace(id, task is null ? null : HashOf(task));

    private void Replace(string id, ulong? hash)
    {
        if (_objects.Remove(id, out var old))
            Value -= old;
        if (hash is not { } now)
            return;
        now = now * 31 ^ XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(id));
        _objects[id] = now;
        Value += now;
    }

    private ulong HashOf(TaskRecord task)
    {
        _buffer.Clear();
        Add(task.NodeId);
        Add(task.ServiceId);
        Add((long)task.Spec.Version);
        Add((long)task.Slot);
        Add((long)task.DesiredState);
        Add((long)task.Version);
        Add(task.CreatedAt.Ticks);
        Add(task.UpdatedAt.Ticks);
        _buffer.AddRange(task.Status.ToWire().ToByteArray());
        foreach (var attachment in task.Attachments)
            _buffer.AddRange(attachment.ToByteArray());
        foreach (var resource in task.GenericResources)
            _buffer.AddRange(resource.ToByteArray());
        if (task.Endpoint is { } endpoint)
            _buffer.AddRange(endpoint.ToByteArray());
        return XxHash3.HashToUInt64(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_buffer));
    }

    private void Add(string text)
    {
        Add(text.Length);
        _buffer.AddRange(Encoding.UTF8.GetBytes(text));
    }

    private void Add(long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        foreach (var b in bytes)
            _buffer.Add(b);
    }
}
