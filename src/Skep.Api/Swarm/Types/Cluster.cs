using System.Text.Json.Serialization;
using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

/// <summary>The swarm as /info shows it; <see cref="Swarm"/> adds the join tokens.</summary>
internal class ClusterInfo : StoredObject
{
    public ClusterSpec Spec { get; set; } = new();

    public TLSInfo TLSInfo { get; set; } = new();

    public bool RootRotationInProgress { get; set; }

    public List<string>? DefaultAddrPool { get; set; }

    public uint SubnetSize { get; set; }

    public uint DataPathPort { get; set; }
}

internal sealed class Swarm : ClusterInfo
{
    public JoinTokens JoinTokens { get; set; } = new();
}

internal sealed class JoinTokens
{
    public string Worker { get; set; } = "";

    public string Manager { get; set; } = "";
}

internal sealed class ClusterSpec : AnnotatedSpec
{
    public OrchestrationConfig Orchestration { get; set; } = new();

    public RaftConfig Raft { get; set; } = new();

    public DispatcherConfig Dispatcher { get; set; } = new();

    public CAConfig CAConfig { get; set; } = new();

    public TaskDefaults TaskDefaults { get; set; } = new();

    public EncryptionConfig EncryptionConfig { get; set; } = new();
}

internal sealed class OrchestrationConfig
{
    [GoPointer]
    public long? TaskHistoryRetentionLimit { get; set; }
}

internal sealed class RaftConfig
{
    [OmitEmpty]
    public ulong SnapshotInterval { get; set; }

    [GoPointer]
    public ulong? KeepOldSnapshots { get; set; }

    [OmitEmpty]
    public ulong LogEntriesForSlowFollowers { get; set; }

    public int ElectionTick { get; set; }

    public int HeartbeatTick { get; set; }
}

internal sealed class DispatcherConfig
{
    /// <summary>Nanoseconds.</summary>
    [OmitEmpty]
    public long HeartbeatPeriod { get; set; }
}

internal sealed class CAConfig
{
    /// <summary>Nanoseconds.</summary>
    [OmitEmpty]
    public long NodeCertExpiry { get; set; }

    [OmitEmpty]
    public List<ExternalCA>? ExternalCAs { get; set; }

    [OmitEmpty]
    public string SigningCACert { get; set; } = "";

    [OmitEmpty]
    public string SigningCAKey { get; set; } = "";

    [OmitEmpty]
    public ulong ForceRotate { get; set; }
}

internal sealed class ExternalCA
{
    public string Protocol { get; set; } = "";

    public string URL { get; set; } = "";

    [OmitEmpty]
    public Dictionary<string, string>? Options { get; set; }

    public string CACert { get; set; } = "";
}

internal sealed class TaskDefaults
{
    [OmitEmpty]
    public Driver? LogDriver { get; set; }
}

internal sealed class EncryptionConfig
{
    public bool AutoLockManagers { get; set; }
}

internal sealed class InitRequest
{
    public string ListenAddr { get; set; } = "";

    public string AdvertiseAddr { get; set; } = "";

    public string DataPathAddr { get; set; } = "";

    public uint DataPathPort { get; set; }

    public bool ForceNewCluster { get; set; }

    public ClusterSpec Spec { get; set; } = new();

    public bool AutoLockManagers { get; set; }

    public string Availability { get; set; } = "";

    public List<string>? DefaultAddrPool { get; set; }

    public uint SubnetSize { get; set; }
}

internal sealed class JoinRequest
{
    public string ListenAddr { get; set; } = "";

    public string AdvertiseAddr { get; set; } = "";

    public string DataPathAddr { get; set; } = "";

    public List<string>? RemoteAddrs { get; set; }

    public string JoinToken { get; set; } = "";

    public string Availability { get; set; } = "";
}

/// <summary>Of /swarm/unlock and /swarm/unlockkey.</summary>
internal sealed class UnlockKey
{
    [JsonPropertyName("UnlockKey")]
    public string Key { get; set; } = "";
}

/// <summary>The Swarm part of /info.</summary>
internal sealed class Info
{
    public string NodeID { get; set; } = "";

    public string NodeAddr { get; set; } = "";

    public string LocalNodeState { get; set; } = "";

    public bool ControlAvailable { get; set; }

    public string Error { get; set; } = "";

    public List<Peer>? RemoteManagers { get; set; }

    [OmitEmpty]
    public int Nodes { get; set; }

    [OmitEmpty]
    public int Managers { get; set; }

    [OmitEmpty]
    public ClusterInfo? Cluster { get; set; }

    [OmitEmpty]
    public List<string>? Warnings { get; set; }
}

internal sealed class Peer
{
    public string NodeID { get; set; } = "";

    public string Addr { get; set; } = "";
}
