using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Google.Protobuf;
using Skep.Manager;
using Skep.Manager.Certificates;
using Skep.Manager.Control;
using Skep.Wire;

namespace Skep.Security;

/// <summary>Makes the cluster object of <c>docker swarm init</c>, complete but for the gossip keys, which the manager's rules make.</summary>
public static class ClusterFactory
{
    private const uint DefaultSubnetSize = 24;
    private const uint MaxSubnetSize = 29;
    private const uint DefaultDataPathPort = 4789;
    private const string DefaultAddressPool = "10.0.0.0/8";

    /// <summary>The new cluster: id, spec with stock's defaults, root CA, join tokens, address pools.</summary>
    /// <param name="settings">What the user said.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="ControlException">InvalidArgument, or Unimplemented.</exception>
    public static Cluster Create(ClusterSettings settings, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var spec = ClusterSpecs.Complete(settings.Spec.Clone());
        ClusterSpecs.Validate(spec);
        var port = settings.DataPathPort != 0 ? settings.DataPathPort : DefaultDataPathPort;
        if (port is < 1024 or > 49151)
            throw Invalid($"Datapath port number is not in valid range (1024-49151) : {port}");
        using var root = Root(spec.CaConfig, now);
        var cluster = new Cluster
        {
            Id = NewId(),
            RootCa = new RootCA
            {
                CaCert = root.CertificatePem,
                CaKey = root.KeyPem,
                CaCertHash = ClusterRoot.HashOf(root.CertificatePem),
                JoinTokens = new JoinTokens { Worker = NewJoinToken(root), Manager = NewJoinToken(root) },
                LastForcedRotation = spec.CaConfig.ForceRotate,
            },
            Spec = spec,
            VXLANUDPPort = port,
        };
        // The key is kept in one place only, the root.
        spec.CaConfig.SigningCaCert = ByteString.Empty;
        spec.CaConfig.SigningCaKey = ByteString.Empty;
        if (spec.EncryptionConfig.AutoLockManagers)
            cluster.UnlockKeys.Add(new EncryptionKey { Subsystem = UnlockKey.Subsystem, Key = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(UnlockKey.Bytes)) });
        AddPools(cluster, settings);
        return cluster;
    }

    /// <summary>A new id of a cluster, a manager or a node, from the system's cryptographic randomness.</summary>
    public static string NewId() => SwarmId.FromRandom(RandomNumberGenerator.GetBytes(17));

    /// <summary>How long a node's certificate is valid by the cluster's spec.</summary>
    public static TimeSpan NodeCertificateLifetime(ClusterSpec? spec) =>
        spec?.CaConfig?.NodeCertExpiry?.ToTimeSpan() ?? ClusterSpecs.DefaultNodeCertificateExpiry;

    private static RootCertificateAuthority Root(CAConfig config, DateTimeOffset now)
    {
        if (config.SigningCaCert.IsEmpty)
            return RootCertificateAuthority.Create(now);
        if (config.SigningCaKey.IsEmpty)
            throw new ControlException(ControlError.Unimplemented, "a swarm cannot begin with a root whose key is elsewhere: make it first, then rotate with docker swarm ca --rotate --ca-cert … --external-ca …");
        try
        {
            var root = RootCertificateAuthority.Load(config.SigningCaCert, config.SigningCaKey);
            return root.NotAfter >= now.AddYears(1) ? root : throw Invalid("CA certificate expires too soon");
        }
        catch (InvalidRootException e)
        {
            throw Invalid(e.Message);
        }
    }

    private static string NewJoinToken(RootCertificateAuthority root) =>
        JoinToken.Create(root.CertificatePem.Span, RandomNumberGenerator.GetBytes(JoinToken.SecretBytes));

    private static void AddPools(Cluster cluster, ClusterSettings settings)
    {
        cluster.SubnetSize = settings.SubnetSize != 0 ? settings.SubnetSize : DefaultSubnetSize;
        if (cluster.SubnetSize > MaxSubnetSize)
            throw Invalid($"subnet size is out of range: {cluster.SubnetSize}");
        var pools = settings.DefaultAddressPools.Count > 0 ? settings.DefaultAddressPools : [DefaultAddressPool];
        var networks = new List<IPNetwork>();
        foreach (var pool in pools)
        {
            var network = ParsePool(pool);
            if (network.PrefixLength > cluster.SubnetSize)
                throw Invalid($"invalid CIDR: \"{pool}\". Subnet size is too small for pool: {cluster.SubnetSize}");
            if (networks.Exists(other => other.Contains(network.BaseAddress) || network.Contains(other.BaseAddress)))
                throw Invalid($"invalid CIDR: \"{pool}\" overlaps another default address pool");
            networks.Add(network);
            cluster.DefaultAddressPool.Add(network.ToString());
        }
    }

    /// <summary>As Go's ParseCIDR: bits of the address beyond the prefix are cleared, not refused.</summary>
    private static IPNetwork ParsePool(string pool)
    {
        if (pool.Split('/') is not [var address, var length]
            || !IPAddress.TryParse(address, out var ip) || ip.AddressFamily != AddressFamily.InterNetwork
            || !int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var bits) || bits > 32)
        {
            throw Invalid($"invalid CIDR address: {pool}");
        }
        var mask = bits == 0 ? 0u : uint.MaxValue << (32 - bits);
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, BinaryPrimitives.ReadUInt32BigEndian(ip.GetAddressBytes()) & mask);
        return new IPNetwork(new IPAddress(bytes), bits);
    }

    private static ControlException Invalid(string message) => new(ControlError.InvalidArgument, message);
}

/// <summary>What <c>docker swarm init</c> says about the cluster itself.</summary>
public sealed record ClusterSettings
{
    /// <summary>What is missing in it gets stock's default.</summary>
    public ClusterSpec Spec { get; init; } = new();

    /// <summary>Pools for overlay subnets in CIDR notation; empty: 10.0.0.0/8.</summary>
    public IReadOnlyList<string> DefaultAddressPools { get; init; } = [];

    /// <summary>Prefix length of a subnet cut from the pools; 0: 24.</summary>
    public uint SubnetSize { get; init; }

    /// <summary>UDP port of VXLAN, 1024 to 49151; 0: 4789.</summary>
    public uint DataPathPort { get; init; }
}
