using Google.Protobuf;
using Skep.Wire;

namespace Skep.Security;

/// <summary>Signs nodes' certificates with the root of their cluster.</summary>
/// <param name="time">The clock.</param>
public sealed class CertificateSigner(TimeProvider time) : IDisposable
{
    private readonly Lock _loading = new();
    private RootCertificateAuthority? _root;

    /// <summary>The certificate, as the state keeps it: ISSUED.</summary>
    /// <exception cref="InvalidSigningRequestException">The request gets none.</exception>
    /// <exception cref="InvalidRootException">The cluster's own root cannot be used.</exception>
    public Certificate Issue(Cluster cluster, ByteString csr, string nodeId, NodeRole role)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(csr);
        var request = SigningRequest.Parse(csr.Span);
        var identity = new NodeIdentity(nodeId, role, cluster.Id);
        return new Certificate
        {
            Role = role,
            Csr = csr,
            Cn = nodeId,
            Status = new IssuanceStatus { State = IssuanceStatus.Types.State.Issued },
            Certificate_ = RootOf(cluster.RootCa).Sign(request.PublicKey, identity, ClusterFactory.NodeCertificateLifetime(cluster.Spec), time.GetUtcNow()),
        };
    }

    public void Dispose() => _root?.Dispose();

    private RootCertificateAuthority RootOf(RootCA root)
    {
        lock (_loading)
        {
            // The old one is left to the collector: another call may be signing with it.
            if (_root is null || !_root.CertificatePem.Equals(root.CaCert) || !_root.KeyPem.Equals(root.CaKey))
                _root = RootCertificateAuthority.Load(root.CaCert, root.CaKey);
            return _root;
        }
    }
}
