using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;

namespace Skep.Api.Swarm.Conversion;

/// <summary>The cluster object, which the API calls the swarm.</summary>
internal static class ClusterConversion
{
    /// <summary>What stock's daemon gives a new swarm: history 5, 5 s heartbeats, certificates for 90 days.</summary>
    public static Wire.ClusterSpec DefaultSpec => new()
    {
        Annotations = new Wire.Annotations { Name = "default" },
        Orchestration = new Wire.OrchestrationConfig { TaskHistoryRetentionLimit = 5 },
        Raft = new Wire.RaftConfig { SnapshotInterval = 10_000, KeepOldSnapshots = 0, LogEntriesForSlowFollowers = 500, HeartbeatTick = 1, ElectionTick = 10 },
        Dispatcher = new Wire.DispatcherConfig { HeartbeatPeriod = new() { Seconds = 5 } },
        CaConfig = new Wire.CAConfig { NodeCertExpiry = new() { Seconds = 90 * 24 * 3600 } },
        TaskDefaults = new Wire.TaskDefaults(),
        EncryptionConfig = new Wire.EncryptionConfig(),
    };

    public static Types.Swarm ToApi(this Wire.Cluster cluster)
    {
        var swarm = cluster.ToInfo(new Types.Swarm());
        swarm.JoinTokens = new Types.JoinTokens { Worker = cluster.RootCa?.JoinTokens?.Worker ?? "", Manager = cluster.RootCa?.JoinTokens?.Manager ?? "" };
        return swarm;
    }

    /// <summary>Without the join tokens, as /info shows it to everybody.</summary>
    public static Types.ClusterInfo ToInfo(this Wire.Cluster cluster) => cluster.ToInfo(new Types.ClusterInfo());

    private static T ToInfo<T>(this Wire.Cluster cluster, T info)
        where T : Types.ClusterInfo
    {
        info.Spec = ToApi(cluster.Spec ?? new Wire.ClusterSpec());
        info.TLSInfo = TlsInfoOf(cluster.RootCa);
        info.RootRotationInProgress = cluster.RootCa?.RootRotation is not null;
        info.DefaultAddrPool = [.. cluster.DefaultAddressPool];
        info.SubnetSize = cluster.SubnetSize;
        info.DataPathPort = cluster.VXLANUDPPort;
        return info.WithMeta(cluster.Id, cluster.Meta);
    }

    /// <summary>Values that are given take the place of those in <paramref name="over"/>: defaults at init, nothing at an update.</summary>
    /// <exception cref="ApiException">400.</exception>
    public static Wire.ClusterSpec ToWire(this Types.ClusterSpec spec, Wire.ClusterSpec over)
    {
        var wire = over.Clone();
        wire.Annotations ??= new();
        wire.Orchestration ??= new();
        wire.Raft ??= new();
        wire.Dispatcher ??= new();
        wire.CaConfig ??= new();
        wire.TaskDefaults ??= new();
        wire.EncryptionConfig ??= new();

        if (spec.Name.Length > 0) wire.Annotations.Name = spec.Name;
        if (spec.Labels is { Count: > 0 })
        {
            wire.Annotations.Labels.Clear();
            wire.Annotations.Labels.Fill(spec.Labels);
        }
        if (spec.Orchestration.TaskHistoryRetentionLimit is { } history) wire.Orchestration.TaskHistoryRetentionLimit = history;
        if (spec.Raft.SnapshotInterval != 0) wire.Raft.SnapshotInterval = spec.Raft.SnapshotInterval;
        if (spec.Raft.KeepOldSnapshots is { } keep) wire.Raft.KeepOldSnapshots = keep;
        if (spec.Raft.LogEntriesForSlowFollowers != 0) wire.Raft.LogEntriesForSlowFollowers = spec.Raft.LogEntriesForSlowFollowers;
        if (spec.Raft.HeartbeatTick != 0) wire.Raft.HeartbeatTick = (uint)spec.Raft.HeartbeatTick;
        if (spec.Raft.ElectionTick != 0) wire.Raft.ElectionTick = (uint)spec.Raft.ElectionTick;
        if (spec.Dispatcher.HeartbeatPeriod != 0) wire.Dispatcher.HeartbeatPeriod = spec.Dispatcher.HeartbeatPeriod.ToDuration();
        if (spec.CAConfig.NodeCertExpiry != 0) wire.CaConfig.NodeCertExpiry = spec.CAConfig.NodeCertExpiry.ToDuration();
        if (spec.CAConfig.SigningCACert.Length > 0) wire.CaConfig.SigningCaCert = ByteString.CopyFromUtf8(spec.CAConfig.SigningCACert);
        if (spec.CAConfig.SigningCAKey.Length > 0) wire.CaConfig.SigningCaKey = ByteString.CopyFromUtf8(spec.CAConfig.SigningCAKey);
        wire.CaConfig.ForceRotate = spec.CAConfig.ForceRotate;
        foreach (var ca in spec.CAConfig.ExternalCAs ?? [])
        {
            if (!ca.Protocol.Equals("cfssl", StringComparison.OrdinalIgnoreCase))
                throw new ApiException(400, $"invalid protocol: \"{ca.Protocol}\"");
            var external = new Wire.ExternalCA { Protocol = Wire.ExternalCA.Types.CAProtocol.Cfssl, Url = ca.URL, CaCert = ByteString.CopyFromUtf8(ca.CACert) };
            external.Options.Fill(ca.Options);
            wire.CaConfig.ExternalCas.Add(external);
        }
        // Stock drops the default log driver on its way in (its conversion forgets it); here it is kept.
        if (spec.TaskDefaults.LogDriver is { } logDriver) wire.TaskDefaults.LogDriver = logDriver.ToWire();
        wire.EncryptionConfig.AutoLockManagers = spec.EncryptionConfig.AutoLockManagers;
        return wire;
    }

    /// <summary>Without the signing key, which is secret, and its certificate, which would miss the key when it is sent back.</summary>
    private static Types.ClusterSpec ToApi(Wire.ClusterSpec spec) => new Types.ClusterSpec
    {
        Orchestration = new() { TaskHistoryRetentionLimit = spec.Orchestration?.TaskHistoryRetentionLimit ?? 0 },
        Raft = new()
        {
            SnapshotInterval = spec.Raft?.SnapshotInterval ?? 0,
            KeepOldSnapshots = spec.Raft?.KeepOldSnapshots ?? 0,
            LogEntriesForSlowFollowers = spec.Raft?.LogEntriesForSlowFollowers ?? 0,
            HeartbeatTick = (int)(spec.Raft?.HeartbeatTick ?? 0),
            ElectionTick = (int)(spec.Raft?.ElectionTick ?? 0),
        },
        Dispatcher = new() { HeartbeatPeriod = spec.Dispatcher?.HeartbeatPeriod.ToNanoseconds() ?? 0 },
        CAConfig = new()
        {
            NodeCertExpiry = spec.CaConfig?.NodeCertExpiry.ToNanoseconds() ?? 0,
            ForceRotate = spec.CaConfig?.ForceRotate ?? 0,
            ExternalCAs = [.. (spec.CaConfig?.ExternalCas ?? []).Select(ca => new Types.ExternalCA
            {
                Protocol = "cfssl",
                URL = ca.Url,
                Options = ca.Options.ToApi(),
                CACert = ca.CaCert.ToStringUtf8(),
            })],
        },
        TaskDefaults = new() { LogDriver = spec.TaskDefaults?.LogDriver.ToApi() },
        EncryptionConfig = new() { AutoLockManagers = spec.EncryptionConfig?.AutoLockManagers ?? false },
    }.WithAnnotations(spec.Annotations);

    private static Types.TLSInfo TlsInfoOf(Wire.RootCA? root)
    {
        var info = new Types.TLSInfo { TrustRoot = root?.CaCert.ToStringUtf8() ?? "" };
        // While the root rotates, the trust bundle holds the old root first and certificates are issued by the new one.
        var issuer = root?.RootRotation is { CaCert.IsEmpty: false } rotation ? rotation.CaCert.ToStringUtf8() : info.TrustRoot;
        if (issuer.Length == 0)
            return info;
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(issuer);
            info.CertIssuerSubject = certificate.SubjectName.RawData;
            info.CertIssuerPublicKey = certificate.PublicKey.ExportSubjectPublicKeyInfo();
        }
        catch (CryptographicException)
        {
            // A root that cannot be read is shown as it is, without its details.
        }
        return info;
    }
}
