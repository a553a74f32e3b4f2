using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Skep.Security.Keys;
using Skep.Wire;

namespace Skep.Security;

/// <summary>
/// The certificate with which this skepd serves the cluster port and speaks to managers (a worker's, while it stands by). It is the manager's own: the
/// engine on the same host has another one, as a worker. Replaced live when it is renewed.
/// </summary>
public sealed class ManagerCertificate
{
    private readonly CertificateFiles _files;
    private volatile Loaded _loaded;
    private volatile ByteString _rootPem;

    private ManagerCertificate(CertificateFiles files)
    {
        _files = files;
        Keys = files.Keys;
        _loaded = Load(files);
        Identity = NodeIdentity.FromSubject(Certificate.SubjectName) ?? throw new InvalidManagerCertificateException("swarm-node.crt is not a certificate of a swarm");
        _rootPem = ByteString.CopyFrom(files.ReadRoot());
    }

    /// <summary>This manager's id, and the cluster's.</summary>
    public NodeIdentity Identity { get; }

    /// <summary>Where its private key is kept, with this manager's other secrets.</summary>
    public ManagerKeys Keys { get; }

    /// <summary>What the cluster trusts: its root, and while that rotates the next one too. Kept by <see cref="Trust"/>.</summary>
    public ByteString RootPem => _rootPem;

    /// <summary>There is a new one: connections that are opened from now on show it.</summary>
    public event Action? Renewed;

    /// <summary>The present one, with its key. Ask again for each new connection.</summary>
    public X509Certificate2 Certificate => _loaded.Certificate;

    /// <summary>The same for TLS servers.</summary>
    public SslStreamCertificateContext Context => _loaded.Context;

    /// <summary>More than half of its life is over, or its time has not come: engines renew theirs then.</summary>
    public bool IsRenewalDue(DateTimeOffset now) => now < Certificate.NotBefore || now > Certificate.NotBefore + ((Certificate.NotAfter - Certificate.NotBefore) / 2);

    /// <summary>Makes and stores the certificate of a manager that makes or joins a cluster.</summary>
    /// <param name="directory">certificates, in the data directory.</param>
    /// <param name="keys">Where its private key is kept.</param>
    /// <param name="root">Signs it.</param>
    /// <param name="managerId">25 characters of base 36.</param>
    /// <param name="clusterId">25 characters of base 36.</param>
    /// <param name="lifetime">From the cluster's spec.</param>
    /// <param name="now">The time.</param>
    public static ManagerCertificate Create(string directory, ManagerKeys keys, RootCertificateAuthority root, string managerId, string clusterId, TimeSpan lifetime, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(root);
        var files = new CertificateFiles(directory, keys);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var pem = root.Sign(new PublicKey(key), new NodeIdentity(managerId, NodeRole.Manager, clusterId), lifetime, now);
        files.WriteRoot(root.CertificatePem.Span);
        files.Write(pem.Span, key.ExportECPrivateKeyPem() + "\n");
        return new ManagerCertificate(files);
    }

    /// <summary>This root itself has signed the certificate, not another one that it vouches for.</summary>
    public bool IsOf(ByteString rootPem, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(rootPem);
        return ClusterRoots.Parse(rootPem.Span).Check(Certificate, now) is null;
    }

    /// <summary>Stores the certificate that a manager gave to this one.</summary>
    /// <param name="directory">certificates, in the data directory.</param>
    /// <param name="keys">Where its private key is kept.</param>
    /// <param name="rootPem">The cluster's roots.</param>
    /// <param name="certificatePem">With intermediates.</param>
    /// <param name="key">Its key.</param>
    /// <exception cref="InvalidManagerCertificateException">It is not a certificate of a swarm.</exception>
    public static ManagerCertificate Install(string directory, ManagerKeys keys, ReadOnlySpan<byte> rootPem, ReadOnlySpan<byte> certificatePem, ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var files = new CertificateFiles(directory, keys);
        files.WriteRoot(rootPem);
        files.Write(certificatePem, key.ExportECPrivateKeyPem() + "\n");
        return new ManagerCertificate(files);
    }

    /// <summary>Loads what <see cref="Create"/> or <see cref="Replace"/> stored. An expired one is loaded too, so that it can be renewed.</summary>
    /// <param name="directory">certificates, in the data directory.</param>
    /// <param name="unlockKey">The cluster's; empty: none was given.</param>
    /// <exception cref="InvalidManagerCertificateException">It is missing or damaged.</exception>
    /// <exception cref="ManagerLockedException">Its keys are locked, and not with this unlock key.</exception>
    public static ManagerCertificate Load(string directory, ReadOnlyMemory<byte> unlockKey) =>
        new(new CertificateFiles(directory, ManagerKeys.Open(directory, unlockKey)));

    /// <summary>Stores a certificate that was signed for this manager, and shows it from now on. Connections that stand keep the old one.</summary>
    /// <param name="certificatePem">The certificate, then what links it to the root.</param>
    /// <param name="keyPem">Its key.</param>
    public void Replace(ByteString certificatePem, string keyPem)
    {
        ArgumentNullException.ThrowIfNull(certificatePem);
        _files.Write(certificatePem.Span, keyPem);
        // The old certificate is left to the collector: a handshake may be using it.
        _loaded = Load(_files);
        Renewed?.Invoke();
    }

    /// <summary>Stores what the cluster trusts.</summary>
    public void Trust(ByteString rootPem)
    {
        ArgumentNullException.ThrowIfNull(rootPem);
        if (rootPem.Equals(RootPem))
            return;
        _files.WriteRoot(rootPem.Span);
        _rootPem = rootPem;
    }

    /// <summary>
    /// The certificate (PEM, then what links it to the root) and its key, for a restored manager where nobody could sign it a new one. Secret.
    /// </summary>
    public (string CertificatePem, string KeyPem) Export()
    {
        using var key = Certificate.GetECDsaPrivateKey() ?? throw new InvalidManagerCertificateException("the manager's certificate has no ECDSA key");
        return (_files.ReadPem(), key.ExportECPrivateKeyPem());
    }

    private static Loaded Load(CertificateFiles files)
    {
        var certificate = files.Read();
        return new Loaded(certificate, files.ReadIntermediates());
    }

    private sealed class Loaded(X509Certificate2 certificate, X509Certificate2Collection intermediates)
    {
        public X509Certificate2 Certificate { get; } = certificate;

        // Offline: the chain is in what was loaded, and nothing is fetched for it.
        public SslStreamCertificateContext Context { get; } = SslStreamCertificateContext.Create(certificate, intermediates, offline: true);
    }
}
