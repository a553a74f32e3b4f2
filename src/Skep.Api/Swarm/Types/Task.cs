using Google.Protobuf.WellKnownTypes;
using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class Task : StoredObject
{
    [OmitEmpty]
    public string Name { get; set; } = "";

    public Dictionary<string, string>? Labels { get; set; }

    public TaskSpec Spec { get; set; } = new();

    [OmitEmpty]
    public string ServiceID { get; set; } = "";

    [OmitEmpty]
    public long Slot { get; set; }

    [OmitEmpty]
    public string NodeID { get; set; } = "";

    public TaskStatus Status { get; set; } = new();

    [OmitEmpty]
    public string DesiredState { get; set; } = "";

    [OmitEmpty]
    public List<NetworkAttachment>? NetworksAttachments { get; set; }

    [OmitEmpty]
    public List<GenericResource>? GenericResources { get; set; }

    [OmitEmpty]
    public ObjectVersion? JobIteration { get; set; }

    public List<VolumeAttachment>? Volumes { get; set; }
}

internal sealed class TaskSpec
{
    [OmitEmpty]
    public ContainerSpec? ContainerSpec { get; set; }

    [OmitEmpty]
    public NetworkAttachmentSpec? NetworkAttachmentSpec { get; set; }

    [OmitEmpty]
    public ResourceRequirements? Resources { get; set; }

    [OmitEmpty]
    public RestartPolicy? RestartPolicy { get; set; }

    [OmitEmpty]
    public Placement? Placement { get; set; }

    [OmitEmpty]
    public List<NetworkAttachmentConfig>? Networks { get; set; }

    [OmitEmpty]
    public Driver? LogDriver { get; set; }

    public ulong ForceUpdate { get; set; }

    [OmitEmpty]
    public string Runtime { get; set; } = "";
}

internal sealed class NetworkAttachmentSpec
{
    public string ContainerID { get; set; } = "";
}

internal sealed class ResourceRequirements
{
    [OmitEmpty]
    public Limit? Limits { get; set; }

    [OmitEmpty]
    public Resources? Reservations { get; set; }

    [GoPointer]
    public long? SwapBytes { get; set; }

    [GoPointer]
    public long? MemorySwappiness { get; set; }
}

internal sealed class Limit
{
    [OmitEmpty]
    public long NanoCPUs { get; set; }

    [OmitEmpty]
    public long MemoryBytes { get; set; }

    [OmitEmpty]
    public long Pids { get; set; }
}

internal sealed class RestartPolicy
{
    [OmitEmpty]
    public string Condition { get; set; } = "";

    /// <summary>Nanoseconds.</summary>
    [GoPointer]
    public long? Delay { get; set; }

    [GoPointer]
    public ulong? MaxAttempts { get; set; }

    /// <summary>Nanoseconds.</summary>
    [GoPointer]
    public long? Window { get; set; }
}

internal sealed class Placement
{
    [OmitEmpty]
    public List<string>? Constraints { get; set; }

    [OmitEmpty]
    public List<PlacementPreference>? Preferences { get; set; }

    [OmitEmpty]
    public ulong MaxReplicas { get; set; }

    [OmitEmpty]
    public List<Platform>? Platforms { get; set; }
}

internal sealed class PlacementPreference
{
    public SpreadOver? Spread { get; set; }
}

internal sealed class SpreadOver
{
    public string SpreadDescriptor { get; set; } = "";
}

internal sealed class TaskStatus
{
    public Timestamp? Timestamp { get; set; }

    [OmitEmpty]
    public string State { get; set; } = "";

    [OmitEmpty]
    public string Message { get; set; } = "";

    [OmitEmpty]
    public string Err { get; set; } = "";

    [OmitEmpty]
    public ContainerStatus? ContainerStatus { get; set; }

    public PortStatus PortStatus { get; set; } = new();
}

internal sealed class ContainerStatus
{
    public string ContainerID { get; set; } = "";

    public int PID { get; set; }

    public int ExitCode { get; set; }
}

internal sealed class PortStatus
{
    [OmitEmpty]
    public List<PortConfig>? Ports { get; set; }
}

internal sealed class VolumeAttachment
{
    [OmitEmpty]
    public string ID { get; set; } = "";

    [OmitEmpty]
    public string Source { get; set; } = "";

    [OmitEmpty]
    public string Target { get; set; } = "";
}
