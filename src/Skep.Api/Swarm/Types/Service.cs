using Google.Protobuf.WellKnownTypes;
using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class Service : StoredObject
{
    public ServiceSpec Spec { get; set; } = new();

    [OmitEmpty]
    public ServiceSpec? PreviousSpec { get; set; }

    public Endpoint Endpoint { get; set; } = new();

    [OmitEmpty]
    public UpdateStatus? UpdateStatus { get; set; }

    [OmitEmpty]
    public ServiceStatus? ServiceStatus { get; set; }

    [OmitEmpty]
    public JobStatus? JobStatus { get; set; }
}

internal sealed class ServiceSpec : AnnotatedSpec
{
    public TaskSpec TaskTemplate { get; set; } = new();

    public ServiceMode Mode { get; set; } = new();

    [OmitEmpty]
    public UpdateConfig? UpdateConfig { get; set; }

    [OmitEmpty]
    public UpdateConfig? RollbackConfig { get; set; }

    /// <summary>Deprecated place of TaskTemplate.Networks; only read.</summary>
    [OmitEmpty]
    public List<NetworkAttachmentConfig>? Networks { get; set; }

    [OmitEmpty]
    public EndpointSpec? EndpointSpec { get; set; }
}

internal sealed class ServiceMode
{
    [OmitEmpty]
    public ReplicatedService? Replicated { get; set; }

    [OmitEmpty]
    public GlobalService? Global { get; set; }

    [OmitEmpty]
    public ReplicatedJob? ReplicatedJob { get; set; }

    [OmitEmpty]
    public GlobalJob? GlobalJob { get; set; }
}

internal sealed class ReplicatedService
{
    [GoPointer]
    public ulong? Replicas { get; set; }
}

internal sealed class GlobalService;

internal sealed class ReplicatedJob
{
    [GoPointer]
    public ulong? MaxConcurrent { get; set; }

    [GoPointer]
    public ulong? TotalCompletions { get; set; }
}

internal sealed class GlobalJob;

internal sealed class UpdateConfig
{
    public ulong Parallelism { get; set; }

    /// <summary>Nanoseconds.</summary>
    [OmitEmpty]
    public long Delay { get; set; }

    [OmitEmpty]
    public string FailureAction { get; set; } = "";

    /// <summary>Nanoseconds.</summary>
    [OmitEmpty]
    public long Monitor { get; set; }

    public float MaxFailureRatio { get; set; }

    public string Order { get; set; } = "";
}

internal sealed class UpdateStatus
{
    [OmitEmpty]
    public string State { get; set; } = "";

    [OmitEmpty]
    public Timestamp? StartedAt { get; set; }

    [OmitEmpty]
    public Timestamp? CompletedAt { get; set; }

    [OmitEmpty]
    public string Message { get; set; } = "";
}

internal sealed class ServiceStatus
{
    public ulong RunningTasks { get; set; }

    public ulong DesiredTasks { get; set; }

    public ulong CompletedTasks { get; set; }
}

internal sealed class JobStatus
{
    public ObjectVersion JobIteration { get; set; } = new();

    public Timestamp? LastExecution { get; set; }
}

internal sealed class Endpoint
{
    public EndpointSpec Spec { get; set; } = new();

    [OmitEmpty]
    public List<PortConfig>? Ports { get; set; }

    [OmitEmpty]
    public List<EndpointVirtualIP>? VirtualIPs { get; set; }
}

internal sealed class EndpointSpec
{
    [OmitEmpty]
    public string Mode { get; set; } = "";

    [OmitEmpty]
    public List<PortConfig>? Ports { get; set; }
}

internal sealed class EndpointVirtualIP
{
    [OmitEmpty]
    public string NetworkID { get; set; } = "";

    [OmitEmpty]
    public string Addr { get; set; } = "";
}

internal sealed class ServiceCreateResponse
{
    [OmitEmpty]
    public string ID { get; set; } = "";

    [OmitEmpty]
    public List<string>? Warnings { get; set; }
}

internal sealed class ServiceUpdateResponse
{
    public List<string>? Warnings { get; set; }
}
