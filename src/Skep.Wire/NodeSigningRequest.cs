using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;

namespace Skep.Wire;

/// <summary>What a member of a cluster sends to get a certificate: its key and nothing else, since managers put in who it is.</summary>
public static class NodeSigningRequest
{
    /// <summary>PEM.</summary>
    public static ByteString Create(ECDsa key) =>
        ByteString.CopyFromUtf8(new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256).CreateSigningRequestPem());
}
