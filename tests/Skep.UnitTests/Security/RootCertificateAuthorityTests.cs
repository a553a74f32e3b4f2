using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Skep.Security;
using Skep.Wire;
using Xunit;

namespace Skep.UnitTests.Security;

public class RootCertificateAuthorityTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_new_root_is_what_stock_engines_expect()
    {
        using var root = RootCertificateAuthority.Create(Now);
        using var certificate = Parse(root.CertificatePem);

        Assert.Equal("CN=swarm-ca", certificate.Subject);
        Assert.Equal("CN=swarm-ca", certificate.Issuer);
        Assert.Equal(Now.AddYears(20), certificate.NotAfter);
        Assert.Equal("1.2.840.10045.3.1.7", certificate.GetECDsaPublicKey()!.ExportParameters(false).Curve.Oid.Value);
        Assert.True(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.StartsWith("-----BEGIN EC PRIVATE KEY-----", root.KeyPem.ToStringUtf8(), StringComparison.Ordinal);
        Assert.False(certificate.HasPrivateKey);
    }

    [Theory]
    [InlineData(NodeRole.Worker, "swarm-worker", "swarm-worker nodeid")]
    [InlineData(NodeRole.Manager, "swarm-manager", "swarm-manager nodeid swarm-ca")]
    public void A_node_certificate_says_who_its_node_is(NodeRole role, string unit, string names)
    {
        using var root = RootCertificateAuthority.Create(Now);
        using var certificate = Sign(root, new NodeIdentity("nodeid", role, "clusterid"), TimeSpan.FromDays(90));

        Assert.Equal(new NodeIdentity("nodeid", role, "clusterid"), NodeIdentity.FromSubject(certificate.SubjectName));
        Assert.Contains($"OU={unit}", certificate.Subject, StringComparison.Ordinal);
        Assert.Equal(names, string.Join(' ', certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames()));
        Assert.Equal(Now.AddHours(-1), certificate.NotBefore);
        Assert.Equal(Now.AddDays(90), certificate.NotAfter);
        Assert.Equal(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"], certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<Oid>().Select(o => o.Value));
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        using var rootCertificate = Parse(root.CertificatePem);
        Assert.Equal(rootCertificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single().SubjectKeyIdentifierBytes.ToArray(),
            certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().Single().KeyIdentifier!.Value.ToArray());
        Assert.Null(ClusterRoots.Parse(root.CertificatePem.Span).Check(certificate, Now));
    }

    [Fact]
    public void A_lifetime_below_the_minimum_becomes_the_default_as_in_stock()
    {
        using var root = RootCertificateAuthority.Create(Now);
        using var certificate = Sign(root, Worker, TimeSpan.FromMinutes(59));

        Assert.Equal(Now.AddDays(90), certificate.NotAfter);
    }

    [Fact]
    public void A_node_certificate_never_outlives_the_root()
    {
        using var root = RootCertificateAuthority.Create(Now);
        using var certificate = Sign(root, Worker, TimeSpan.FromDays(365 * 30));

        Assert.Equal(root.NotAfter, certificate.NotAfter);
    }

    [Fact]
    public void Certificates_are_judged_by_their_root_and_by_the_time()
    {
        using var root = RootCertificateAuthority.Create(Now);
        using var other = RootCertificateAuthority.Create(Now);
        using var certificate = Sign(root, Worker, TimeSpan.FromDays(1));
        var roots = ClusterRoots.Parse(root.CertificatePem.Span);

        Assert.Null(roots.Check(certificate, Now));
        Assert.Equal("certificate has expired or is not yet valid", roots.Check(certificate, Now.AddDays(2)));
        Assert.Equal("certificate has expired or is not yet valid", roots.Check(certificate, Now.AddHours(-2)));
        Assert.Equal("certificate signed by unknown authority", ClusterRoots.Parse(other.CertificatePem.Span).Check(certificate, Now));
    }

    [Fact]
    public void A_stored_root_signs_like_the_one_that_was_stored()
    {
        using var made = RootCertificateAuthority.Create(Now);
        using var loaded = RootCertificateAuthority.Load(made.CertificatePem, made.KeyPem);
        using var certificate = Sign(loaded, Worker, TimeSpan.FromDays(1));

        Assert.Null(ClusterRoots.Parse(made.CertificatePem.Span).Check(certificate, Now));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_root_of_another_kind_can_be_brought_along(bool pkcs8)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=our own CA, O=we", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var own = request.CreateSelfSigned(Now.AddDays(-1), Now.AddYears(5));

        using var root = RootCertificateAuthority.Load(ByteString.CopyFromUtf8(own.ExportCertificatePem()),
            ByteString.CopyFromUtf8(pkcs8 ? key.ExportPkcs8PrivateKeyPem() : key.ExportRSAPrivateKeyPem()));
        using var certificate = Sign(root, Worker, TimeSpan.FromDays(1));

        Assert.Null(ClusterRoots.Parse(root.CertificatePem.Span).Check(certificate, Now));
    }

    [Fact]
    public void A_root_that_cannot_be_used_is_refused_with_the_reason()
    {
        using var root = RootCertificateAuthority.Create(Now);
        using var other = RootCertificateAuthority.Create(Now);
        using var leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leaf = root.Sign(new PublicKey(leafKey), Worker, TimeSpan.FromDays(1), Now);

        Assert.Equal("certificate key mismatch", Refusal(root.CertificatePem, other.KeyPem));
        Assert.Equal("malformed private key", Refusal(root.CertificatePem, ByteString.CopyFromUtf8("no key")));
        Assert.Equal("no valid root CA certificates found", Refusal(ByteString.CopyFromUtf8("no certificate"), root.KeyPem));
        Assert.Equal("the desired CA certificate cannot contain multiple certificates", Refusal(Join(root.CertificatePem, other.CertificatePem), root.KeyPem));
        Assert.Equal("certificate not a CA", Refusal(leaf, ByteString.CopyFromUtf8(leafKey.ExportECPrivateKeyPem())));
    }

    [Fact]
    public void A_signing_request_counts_only_with_a_valid_signature_and_a_strong_key()
    {
        using var strong = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=whatever", strong, HashAlgorithmName.SHA256);
        var tampered = request.CreateSigningRequest();
        tampered[^1] ^= 1;
        using var weak = RSA.Create(1024);
        var weakRequest = new CertificateRequest("CN=whatever", weak, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

        Assert.NotNull(SigningRequest.Parse(Encoding.UTF8.GetBytes(request.CreateSigningRequestPem())));
        Assert.Contains("signature does not match", RequestRefusal(PemEncoding.WriteString("CERTIFICATE REQUEST", tampered)), StringComparison.Ordinal);
        Assert.Contains("cannot be read", RequestRefusal("garbage"), StringComparison.Ordinal);
        Assert.Contains("RSA key of 1024 bits", RequestRefusal(weakRequest.CreateSigningRequestPem()), StringComparison.Ordinal);
        Assert.Contains("longer than", RequestRefusal(new string('x', SigningRequest.MaxBytes + 1)), StringComparison.Ordinal);
    }

    private static readonly NodeIdentity Worker = new("nodeid", NodeRole.Worker, "clusterid");

    private static X509Certificate2 Sign(RootCertificateAuthority root, NodeIdentity identity, TimeSpan lifetime)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Parse(root.Sign(new PublicKey(key), identity, lifetime, Now));
    }

    private static X509Certificate2 Parse(ByteString pem) => X509Certificate2.CreateFromPem(pem.ToStringUtf8());

    private static ByteString Join(ByteString a, ByteString b) => ByteString.CopyFrom([.. a, .. b]);

    private static string Refusal(ByteString certificate, ByteString key) =>
        Assert.Throws<InvalidRootException>(() => RootCertificateAuthority.Load(certificate, key)).Message;

    private static string RequestRefusal(string pem) =>
        Assert.Throws<InvalidSigningRequestException>(() => SigningRequest.Parse(Encoding.UTF8.GetBytes(pem))).Message;
}
