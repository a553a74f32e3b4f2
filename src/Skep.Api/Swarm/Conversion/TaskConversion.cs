using Skep.State;

namespace Skep.Api.Swarm.Conversion;

/// <summary>
/// Tasks, many at a time: tasks of a service version share one spec, and one network is attached to thousands, so both are
/// converted once per answer.
/// </summary>
internal sealed class TaskConversion(IReadOnlyDictionary<string, Wire.Network> networks)
{
    private static readonly Dictionary<string, string> NoLabels = [];

    private readonly Dictionary<TaskSpecRecord, Types.TaskSpec> _specs = [];
    private readonly Dictionary<string, Types.Network> _networks = [];

    /// <summary>The networks of the state as they are now, for use after the lock is gone.</summary>
    public static TaskConversion Of(ClusterState state) => new(new Dictionary<string, Wire.Network>(state.Networks));

    public Types.Task ToApi(TaskRecord task) => new()
    {
        ID = task.Id,
        Version = new Types.ObjectVersion { Index = task.Version },
        CreatedAt = SwarmTime.ToWire(task.CreatedAt),
        UpdatedAt = SwarmTime.ToWire(task.UpdatedAt),
        Labels = NoLabels,
        Spec = SpecOf(task.Spec),
        ServiceID = task.ServiceId,
        Slot = (long)task.Slot,
        NodeID = task.NodeId,
        Status = ToApi(task.Status.ToWire()),
        DesiredState = Words.TaskState.Of(task.DesiredState),
        NetworksAttachments = task.Attachments.Count == 0
            ? null
            : [.. task.Attachments.Select(a => new Types.NetworkAttachment { Network = NetworkOf(a.NetworkId), Addresses = a.Addresses.ToApi() })],
        GenericResources = task.GenericResources.ToApi(),
    };

    private static Types.TaskStatus ToApi(Wire.TaskStatus status) => new()
    {
        Timestamp = status.Timestamp,
        State = Words.TaskState.Of(status.State),
        Message = status.Message,
        Err = status.Err,
        ContainerStatus = status.Container is { } container
            ? new Types.ContainerStatus { ContainerID = container.ContainerId, PID = container.Pid, ExitCode = container.ExitCode }
            : null,
        PortStatus = new Types.PortStatus { Ports = status.PortStatus?.Ports.ToApi() },
    };

    private Types.TaskSpec SpecOf(TaskSpecRecord spec)
    {
        if (!_specs.TryGetValue(spec, out var converted))
            _specs[spec] = converted = spec.Spec.ToApi();
        return converted;
    }

    private Types.Network NetworkOf(string id)
    {
        if (!_networks.TryGetValue(id, out var converted))
            _networks[id] = converted = networks.TryGetValue(id, out var network) ? network.ToApi() : new Types.Network { ID = id };
        return converted;
    }
}
