using Google.Protobuf.WellKnownTypes;

namespace Skep.Manager.Control;

/// <summary>What a cluster's spec may say, and what it says when nobody said anything: stock's rules, defaults and words.</summary>
public static class ClusterSpecs
{
    /// <summary>The one name that a cluster may have.</summary>
    public const string Name = "default";

    /// <summary>Of node certificates: 90 days.</summary>
    public static readonly TimeSpan DefaultNodeCertificateExpiry = TimeSpan.FromDays(90);

    public static readonly TimeSpan MinNodeCertificateExpiry = TimeSpan.FromHours(1);

    public static readonly TimeSpan DefaultHeartbeatPeriod = TimeSpan.FromSeconds(5);

    private const long DefaultTaskHistory = 5;
    private const ulong DefaultSnapshotInterval = 10_000;
    private const ulong DefaultLogEntriesForSlowFollowers = 500;

    /// <summary>Fills in what is missing, so that no reader of the spec meets an absent part. Changes the message.</summary>
    public static Wire.ClusterSpec Complete(Wire.ClusterSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Annotations ??= new Wire.Annotations();
        if (spec.Annotations.Name.Length == 0)
            spec.Annotations.Name = Name;
        spec.Orchestration ??= new Wire.OrchestrationConfig { TaskHistoryRetentionLimit = DefaultTaskHistory };
        spec.Raft ??= new Wire.RaftConfig();
        spec.Raft.SnapshotInterval = OrDefault(spec.Raft.SnapshotInterval, DefaultSnapshotInterval);
        spec.Raft.LogEntriesForSlowFollowers = OrDefault(spec.Raft.LogEntriesForSlowFollowers, DefaultLogEntriesForSlowFollowers);
        spec.Raft.HeartbeatTick = spec.Raft.HeartbeatTick != 0 ? spec.Raft.HeartbeatTick : 1;
        spec.Raft.ElectionTick = spec.Raft.ElectionTick != 0 ? spec.Raft.ElectionTick : 10;
        spec.Dispatcher ??= new Wire.DispatcherConfig();
        spec.Dispatcher.HeartbeatPeriod ??= Duration.FromTimeSpan(DefaultHeartbeatPeriod);
        spec.CaConfig ??= new Wire.CAConfig();
        spec.CaConfig.NodeCertExpiry ??= Duration.FromTimeSpan(DefaultNodeCertificateExpiry);
        spec.TaskDefaults ??= new Wire.TaskDefaults();
        spec.EncryptionConfig ??= new Wire.EncryptionConfig();
        return spec;
    }

    /// <summary>Refuses what stock refuses, and what is not available yet.</summary>
    /// <param name="spec">Complete.</param>
    /// <exception cref="ControlException">InvalidArgument or Unimplemented.</exception>
    public static void Validate(Wire.ClusterSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (Span(spec.CaConfig.NodeCertExpiry) < MinNodeCertificateExpiry)
            throw Invalid("minimum certificate expiry time is: 1h0m0s");
        if (Span(spec.Dispatcher.HeartbeatPeriod) < TimeSpan.Zero)
            throw Invalid("heartbeat time period cannot be a negative duration");
        if (spec.Annotations.Name != Name)
            throw Invalid("modification of cluster name is not allowed");
        if (spec.CaConfig.SigningCaKey.Length > 0 && spec.CaConfig.SigningCaCert.Length == 0)
            throw Invalid("if a signing CA key is provided, the signing CA cert must also be provided");
    }

    private static ulong OrDefault(ulong value, ulong otherwise) => value != 0 ? value : otherwise;

    private static TimeSpan Span(Duration duration)
    {
        try
        {
            return duration.ToTimeSpan();
        }
        catch (InvalidOperationException)
        {
            throw Invalid("invalid argument");
        }
    }

    private static ControlException Invalid(string message) => new(ControlError.InvalidArgument, message);
}
