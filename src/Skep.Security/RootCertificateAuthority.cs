using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Skep.Manager.Control;
using Skep.Wire;

namespace Skep.Security;

/// <summary>
/// The cluster's root: a certificate that every member trusts, and the key that signs the members' certificates. Both live in
/// the replicated state, so every manager can sign.
/// </summary>
public sealed class RootCertificateAuthority : IDisposable
{
    /// <summary>Node certificates are valid a little before they are made: clocks of hosts differ.</summary>
    public static readonly TimeSpan Backdate = TimeSpan.FromHours(1);

    private const int RootLifetimeYears = 20;
    private const int SerialBytes = 20;

    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    /// <summary>RSA and ECDSA with SHA-256, SHA-384 and SHA-512.</summary>
    private static readonly string[] SignatureAlgorithms =
    [
        "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13",
        "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4",
    ];

    private readonly Lock _signing = new();
    private readonly X509Certificate2 _certificate;
    private readonly AsymmetricAlgorithm _key;
    private readonly X509SignatureGenerator _generator;

    private RootCertificateAuthority(X509Certificate2 certificate, AsymmetricAlgorithm key, ByteString certificatePem, ByteString keyPem)
    {
        _certificate = certificate;
        _key = key;
        _generator = key switch
        {
            ECDsa ecdsa => X509SignatureGenerator.CreateForECDsa(ecdsa),
            RSA rsa => X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1),
            _ => throw new ArgumentException(key.GetType().Name, nameof(key)),
        };
        CertificatePem = certificatePem;
        KeyPem = keyPem;
    }

    /// <summary>As served to newcomers; its digest is in the join tokens.</summary>
    public ByteString CertificatePem { get; }

    /// <summary>Secret.</summary>
    public ByteString KeyPem { get; }

    internal X509Certificate2 Certificate => _certificate;

    public DateTimeOffset NotAfter => _certificate.NotAfter;

    /// <summary>A new root: CN swarm-ca, ECDSA P-256, valid for 20 years.</summary>
    public static RootCertificateAuthority Create(DateTimeOffset now)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={NodeIdentity.CaName}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        // Not CreateSelfSigned: on Linux it would keep the key in the certificate too.
        var certificate = request.Create(request.SubjectName, X509SignatureGenerator.CreateForECDsa(key), now - Backdate, now.AddYears(RootLifetimeYears), NewSerial());
        return new RootCertificateAuthority(certificate, key, ByteString.CopyFromUtf8(certificate.ExportCertificatePem() + "\n"), ByteString.CopyFromUtf8(key.ExportECPrivateKeyPem() + "\n"));
    }

    /// <summary>The root of an existing cluster, or one brought along by <c>docker swarm init</c>.</summary>
    /// <param name="certificatePem">One self-signed CA certificate.</param>
    /// <param name="keyPem">Its key, unencrypted: SEC1, PKCS#1 or PKCS#8.</param>
    /// <exception cref="InvalidRootException">They cannot be used, in stock's words where it has them.</exception>
    public static RootCertificateAuthority Load(ByteString certificatePem, ByteString keyPem)
    {
        ArgumentNullException.ThrowIfNull(certificatePem);
        ArgumentNullException.ThrowIfNull(keyPem);
        var certificate = LoadCertificate(certificatePem);
        try
        {
            return new RootCertificateAuthority(certificate, LoadKey(certificate, keyPem), certificatePem, keyPem);
        }
        catch
        {
            certificate.Dispose();
            throw;
        }
    }

    /// <summary>Signs a node's certificate: 1 h backdated, for use as client and server.</summary>
    /// <param name="key">The node's public key.</param>
    /// <param name="identity">Becomes the subject; the names a manager must answer to as a server follow from it.</param>
    /// <param name="lifetime">From now; less than an hour means the default of 90 days, as in stock. Never beyond the root's own end.</param>
    /// <param name="now">The time.</param>
    /// <returns>The certificate in PEM.</returns>
    public ByteString Sign(PublicKey key, NodeIdentity identity, TimeSpan lifetime, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(identity);
        var notAfter = now + (lifetime < ClusterSpecs.MinNodeCertificateExpiry ? ClusterSpecs.DefaultNodeCertificateExpiry : lifetime);
        if (notAfter > NotAfter)
            notAfter = NotAfter;
        var request = new CertificateRequest(SubjectOf(identity), key, HashAlgorithmName.SHA256);
        foreach (var extension in ExtensionsOf(identity, key))
            request.CertificateExtensions.Add(extension);
        // The platform does not promise that one key may sign on two threads at once.
        lock (_signing)
        {
            using var certificate = request.Create(_certificate.SubjectName, _generator, now - Backdate, notAfter, NewSerial());
            return ByteString.CopyFromUtf8(certificate.ExportCertificatePem() + "\n");
        }
    }

    /// <summary>
    /// Another root as this one signs it: the same name, key, dates and extensions. Whoever trusts this root accepts with it what
    /// the other one has signed.
    /// </summary>
    internal ByteString CrossSign(X509Certificate2 other)
    {
        var request = new CertificateRequest(other.SubjectName, other.PublicKey, HashAlgorithmName.SHA256);
        foreach (var extension in other.Extensions.Where(e => e is not X509AuthorityKeyIdentifierExtension))
            request.CertificateExtensions.Add(extension);
        // Both roots mostly have the same name: without this it would pass for self-signed.
        var hasKeyId = HasKeyId(_certificate);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, hasKeyId, includeIssuerAndSerial: !hasKeyId));
        lock (_signing)
        {
            using var signed = request.Create(_certificate.SubjectName, _generator, other.NotBefore, other.NotAfter, NewSerial());
            return ByteString.CopyFromUtf8(signed.ExportCertificatePem() + "\n");
        }
    }

    /// <summary>A request in PEM with which another authority can do as <see cref="CrossSign"/>.</summary>
    internal string CreateCrossSigningRequest()
    {
        var request = new CertificateRequest(_certificate.SubjectName, _certificate.PublicKey, HashAlgorithmName.SHA256);
        foreach (var extension in _certificate.Extensions.Where(e => e is not X509AuthorityKeyIdentifierExtension))
            request.CertificateExtensions.Add(extension);
        lock (_signing)
            return request.CreateSigningRequestPem(_generator);
    }

    /// <summary>Null when members can tell what one root has signed from what another one has; else why not.</summary>
    internal static string? ConflictOf(X509Certificate2 present, X509Certificate2 next)
    {
        if (present.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(next.PublicKey.ExportSubjectPublicKeyInfo()))
            return "Cannot update to a cert with an identical key";
        var canBeTold = !present.SubjectName.RawData.AsSpan().SequenceEqual(next.SubjectName.RawData) || (HasKeyId(present) && HasKeyId(next));
        return canBeTold ? null : $"the CA certificate has the subject of the present one ({present.Subject}): both need a subject key identifier then, or the new one another subject";
    }

    private static bool HasKeyId(X509Certificate2 certificate) => certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Any();

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }

    private static X500DistinguishedName SubjectOf(NodeIdentity identity)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddOrganizationName(identity.ClusterId);
        subject.AddOrganizationalUnitName(UnitOf(identity.Role));
        subject.AddCommonName(identity.NodeId);
        return subject.Build();
    }

    private static string UnitOf(NodeRole role) => role == NodeRole.Manager ? NodeIdentity.ManagerUnit : NodeIdentity.WorkerUnit;

    private IEnumerable<X509Extension> ExtensionsOf(NodeIdentity identity, PublicKey key)
    {
        yield return new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, critical: true);
        yield return new X509EnhancedKeyUsageExtension([ServerAuthentication, ClientAuthentication], critical: false);
        yield return new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true);
        yield return new X509SubjectKeyIdentifierExtension(key, critical: false);
        if (_certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is { } rootKeyId)
            yield return X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(rootKeyId);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(UnitOf(identity.Role));
        names.AddDnsName(identity.NodeId);
        // Newcomers and renewing nodes ask for this name.
        if (identity.Role == NodeRole.Manager)
            names.AddDnsName(NodeIdentity.CaName);
        yield return names.Build();
    }

    private static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(SerialBytes);
        // Positive, and never with a leading zero byte, which DER does not allow.
        serial[0] = (byte)((serial[0] & 0x3f) | 0x40);
        return serial;
    }

    /// <summary>The certificate of a root that the cluster can use.</summary>
    /// <exception cref="InvalidRootException">It cannot, in stock's words where it has them.</exception>
    internal static X509Certificate2 LoadCertificate(ByteString pem)
    {
        X509Certificate2Collection certificates;
        try
        {
            certificates = PemCertificates.Read(pem.Span);
        }
        catch (CryptographicException e)
        {
            throw new InvalidRootException("invalid root certificates", e);
        }
        if (certificates.Count == 0)
            throw new InvalidRootException("no valid root CA certificates found");
        if (certificates.Count > 1)
            throw new InvalidRootException("the desired CA certificate cannot contain multiple certificates");
        var certificate = certificates[0];
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
            throw new InvalidRootException("certificate not a CA");
        if (KeyStrength.Weakness(certificate.PublicKey) is { } weakness)
            throw new InvalidRootException($"the CA certificate {weakness}");
        if (!SignatureAlgorithms.Contains(certificate.SignatureAlgorithm.Value))
            throw new InvalidRootException($"unsupported signature algorithm: {certificate.SignatureAlgorithm.FriendlyName ?? certificate.SignatureAlgorithm.Value}");
        // Self-signed: judged at a moment at which it is valid, since this is not about its age.
        if (ClusterRoots.Parse(pem.Span).Check(certificate, certificate.NotBefore) is { } flaw)
            throw new InvalidRootException($"error while validating Root CA Certificate: {flaw}");
        return certificate;
    }

    private static AsymmetricAlgorithm LoadKey(X509Certificate2 certificate, ByteString pem)
    {
        using var publicKey = certificate.GetECDsaPublicKey();
        AsymmetricAlgorithm key = publicKey is not null ? ECDsa.Create() : RSA.Create();
        try
        {
            key.ImportFromPem(Encoding.UTF8.GetString(pem.Span));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new InvalidRootException("malformed private key", e);
        }
        if (key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo()))
            return key;
        key.Dispose();
        throw new InvalidRootException("certificate key mismatch");
    }
}

/// <summary>A root certificate or its key that the cluster cannot use.</summary>
public sealed class InvalidRootException(string message, Exception? inner = null) : Exception(message, inner);
