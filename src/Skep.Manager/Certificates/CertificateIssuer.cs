using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;

namespace Skep.Manager.Certificates;

/// <summary>Who signs the members' certificates: a root, known by its name and key. Two roots often have the same name.</summary>
/// <param name="Subject">DER.</param>
/// <param name="PublicKey">The subject public key info, in DER.</param>
public sealed record CertificateIssuer(ByteString Subject, ByteString PublicKey)
{
    /// <summary>The root that new certificates come from: while it rotates, the next one.</summary>
    /// <exception cref="CryptographicException">The root's certificate cannot be read.</exception>
    public static CertificateIssuer Of(Wire.RootCA root)
    {
        ArgumentNullException.ThrowIfNull(root);
        return Of(root.RootRotation?.CaCert ?? root.CaCert);
    }

    /// <summary>The root with this certificate.</summary>
    /// <exception cref="CryptographicException">It cannot be read.</exception>
    public static CertificateIssuer Of(ByteString certificatePem)
    {
        ArgumentNullException.ThrowIfNull(certificatePem);
        using var certificate = X509Certificate2.CreateFromPem(certificatePem.ToStringUtf8());
        return new CertificateIssuer(ByteString.CopyFrom(certificate.SubjectName.RawData), ByteString.CopyFrom(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
    }

    /// <summary>What a member says that holds one of its certificates.</summary>
    /// <param name="trusted">The root that the member trusts, in PEM.</param>
    public Wire.NodeTLSInfo TlsInfo(ByteString trusted) => new() { TrustRoot = trusted, CertIssuerSubject = Subject, CertIssuerPublicKey = PublicKey };

    /// <summary>A member's certificate is from this issuer, by what the member says.</summary>
    public bool HasIssued(Wire.NodeTLSInfo? member) =>
        member is not null && Subject.Equals(member.CertIssuerSubject) && PublicKey.Equals(member.CertIssuerPublicKey);
}
