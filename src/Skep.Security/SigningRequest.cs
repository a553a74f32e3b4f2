using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Skep.Security;

/// <summary>
/// A certificate signing request of a node. Only its key is used: what it says of its subject, names or usages is the
/// authority's to decide, not the node's.
/// </summary>
public sealed class SigningRequest
{
    /// <summary>More than a request with an 8,192-bit RSA key needs.</summary>
    public const int MaxBytes = 16 * 1024;

    private SigningRequest(PublicKey publicKey) => PublicKey = publicKey;

    public PublicKey PublicKey { get; }

    /// <summary>Reads a PKCS#10 request in PEM and checks that its sender holds the key.</summary>
    /// <exception cref="InvalidSigningRequestException">It is no request, its signature is wrong, or its key is weak.</exception>
    public static SigningRequest Parse(ReadOnlySpan<byte> pem)
    {
        if (pem.Length > MaxBytes)
            throw new InvalidSigningRequestException($"is longer than {MaxBytes} bytes");
        CertificateRequest request;
        try
        {
            request = CertificateRequest.LoadSigningRequestPem(Encoding.UTF8.GetString(pem), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.Default, RSASignaturePadding.Pkcs1);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException or FormatException)
        {
            throw new InvalidSigningRequestException("cannot be read, or its signature does not match its key", e);
        }
        if (KeyStrength.Weakness(request.PublicKey) is { } weakness)
            throw new InvalidSigningRequestException(weakness);
        return new SigningRequest(request.PublicKey);
    }
}

/// <summary>A signing request that gets no certificate.</summary>
public sealed class InvalidSigningRequestException(string why, Exception? inner = null) : Exception($"the certificate signing request {why}", inner);
