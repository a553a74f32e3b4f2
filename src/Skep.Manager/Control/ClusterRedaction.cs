using Google.Protobuf;

namespace Skep.Manager.Control;

/// <summary>What may leave the manager of a cluster object: everything but keys.</summary>
public static class ClusterRedaction
{
    /// <summary>A copy without the root's key, the gossip keys and the unlock keys. Join tokens stay: the API shows them.</summary>
    public static Wire.Cluster Redact(Wire.Cluster cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        // Named one by one, so that a field that is added one day is not shown before someone has thought about it.
        var redacted = new Wire.Cluster
        {
            Id = cluster.Id,
            Meta = cluster.Meta?.Clone(),
            Spec = cluster.Spec.Clone(),
            RootCa = cluster.RootCa.Clone(),
            BlacklistedCertificates = { cluster.BlacklistedCertificates },
            DefaultAddressPool = { cluster.DefaultAddressPool },
            SubnetSize = cluster.SubnetSize,
            VXLANUDPPort = cluster.VXLANUDPPort,
        };
        if (redacted.Spec.CaConfig is { } config)
        {
            config.SigningCaKey = ByteString.Empty;
            config.SigningCaCert = ByteString.Empty;
        }
        redacted.RootCa.CaKey = ByteString.Empty;
        if (redacted.RootCa.RootRotation is { } rotation)
            rotation.CaKey = ByteString.Empty;
        return redacted;
    }
}
