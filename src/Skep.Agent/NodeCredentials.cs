using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Skep.Wire;

namespace Skep.Agent;

/// <summary>What makes an agent a node of a cluster: its certificate with its key, and the roots it trusts.</summary>
public sealed class NodeCredentials
{
    /// <param name="certificatePem">The certificate, then intermediates.</param>
    /// <param name="key">Its key.</param>
    /// <param name="roots">The cluster's.</param>
    /// <exception cref="FormatException">The certificate is not a node's, or the key is another's.</exception>
    public NodeCredentials(ReadOnlySpan<byte> certificatePem, ECDsa key, ClusterRoots roots)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(roots);
        try
        {
            Intermediates.ImportFromPem(Encoding.UTF8.GetString(certificatePem));
            using var withoutKey = Intermediates[0];
            Certificate = withoutKey.CopyWithPrivateKey(key);
            Intermediates.RemoveAt(0);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new FormatException("the manager answered with a certificate that cannot be used", e);
        }
        Identity = NodeIdentity.FromSubject(Certificate.SubjectName) ?? throw new FormatException("the manager answered with a certificate that is not a node's");
        Roots = roots;
        // A chain is built, to find what belongs to it: without the system's hundreds of roots, which take most of the time.
        var trust = SslCertificateTrust.CreateForX509Collection(roots.Policy(default).CustomTrustStore);
        TlsContext = SslStreamCertificateContext.Create(Certificate, Intermediates, offline: true, trust);
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>Shown with it: while the cluster's root rotates, what links the next root to the present one.</summary>
    public X509Certificate2Collection Intermediates { get; } = [];

    public NodeIdentity Identity { get; }

    public ClusterRoots Roots { get; }

    /// <summary>The certificate as TLS presents it: made once, since each connection shows the same.</summary>
    internal SslStreamCertificateContext TlsContext { get; }
}
