using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Skep.Security.External;
using Skep.Wire;
using Certificate = Skep.Wire.Certificate;

namespace Skep.Security;

/// <summary>Signs members' certificates with the root of their cluster, or has them signed by the cluster's external CAs.</summary>
/// <param name="certificate">This manager's: it is shown to external CAs.</param>
/// <param name="time">The clock.</param>
public sealed class CertificateSigner(ManagerCertificate certificate, TimeProvider time) : IDisposable
{
    private readonly Lock _loading = new();
    private readonly ExternalAuthority _external = new(certificate, time);
    private RootCertificateAuthority? _root;

    /// <summary>A node's certificate, as the state keeps it: ISSUED.</summary>
    /// <exception cref="InvalidSigningRequestException">The request gets none.</exception>
    /// <exception cref="InvalidRootException">The cluster's own root cannot be used.</exception>
    /// <exception cref="ExternalAuthorityException">The cluster's external CAs do not sign.</exception>
    public async Task<Certificate> IssueAsync(Cluster cluster, ByteString csr, string nodeId, NodeRole role, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        return new Certificate
        {
            Role = role,
            Csr = csr,
            Cn = nodeId,
            Status = new IssuanceStatus { State = IssuanceStatus.Types.State.Issued },
            Certificate_ = await SignAsync(cluster, csr, new NodeIdentity(nodeId, role, cluster.Id), cancellation).ConfigureAwait(false),
        };
    }

    /// <summary>A member's certificate in PEM; while the root rotates, followed by what links the next root to the present one.</summary>
    /// <exception cref="InvalidSigningRequestException">The request gets none.</exception>
    /// <exception cref="InvalidRootException">The cluster's own root cannot be used.</exception>
    /// <exception cref="ExternalAuthorityException">The cluster's external CAs do not sign.</exception>
    public async Task<ByteString> SignAsync(Cluster cluster, ByteString csr, NodeIdentity identity, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(csr);
        ArgumentNullException.ThrowIfNull(identity);
        var request = SigningRequest.Parse(csr.Span);
        var root = IssuingRoot.Of(cluster);
        var signed = await SignExternallyAsync(cluster, root, csr, request.PublicKey, identity, cancellation).ConfigureAwait(false)
            ?? RootOf(root).Sign(request.PublicKey, identity, ClusterFactory.NodeCertificateLifetime(cluster.Spec), time.GetUtcNow());
        return root.IntermediatesPem.IsEmpty ? signed : ByteString.CopyFrom([.. signed.Span, .. root.IntermediatesPem.Span]);
    }

    public void Dispose()
    {
        _root?.Dispose();
        _external.Dispose();
    }

    /// <summary>Null when it is the cluster's own key that signs.</summary>
    private async Task<ByteString?> SignExternallyAsync(Cluster cluster, IssuingRoot root, ByteString csr, PublicKey key, NodeIdentity identity, CancellationToken cancellation)
    {
        if (root.Urls.Count == 0)
            return null;
        try
        {
            return await _external.SignAsync(root, ClusterRoots.Parse(IssuingRoot.TrustedBy(cluster.RootCa).Span), csr, key, identity, cancellation).ConfigureAwait(false);
        }
        catch (ExternalAuthorityException e) when (e.IsUnreachable && !root.KeyPem.IsEmpty)
        {
            // Stock would wait for it for ever, though the certificate can be had.
            return null;
        }
    }

    private RootCertificateAuthority RootOf(IssuingRoot root)
    {
        if (root.KeyPem.IsEmpty)
            throw new InvalidRootException("no valid signer found: the root's key is with an external CA, and none is configured for it");
        lock (_loading)
        {
            // The old one is left to the collector: another call may be signing with it.
            if (_root is null || !_root.CertificatePem.Equals(root.CertificatePem) || !_root.KeyPem.Equals(root.KeyPem))
                _root = RootCertificateAuthority.Load(root.CertificatePem, root.KeyPem);
            return _root;
        }
    }
}
