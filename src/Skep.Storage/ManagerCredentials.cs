using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Skep.Security;

namespace Skep.Storage;

/// <summary>
/// A manager's certificate and key. Only needed to restore clusters whose root CA's key is elsewhere (an external CA): there nothing
/// in the state could sign a new manager's certificate. Secret.
/// </summary>
/// <param name="CertificatePem">With what links it to the root.</param>
/// <param name="KeyPem">Its private key.</param>
public sealed record ManagerCredentials(string CertificatePem, string KeyPem)
{
    /// <summary>Null: not needed to restore this cluster.</summary>
    public static ManagerCredentials? Of(Wire.Cluster cluster, Func<ManagerCertificate> certificate)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(certificate);
        if (!cluster.RootCa.CaKey.IsEmpty)
            return null;
        var (certificatePem, keyPem) = certificate().Export();
        return new ManagerCredentials(certificatePem, keyPem);
    }

    internal ManagerCertificate Install(string directory, Security.Keys.ManagerKeys keys, ReadOnlySpan<byte> rootPem)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(KeyPem);
        return ManagerCertificate.Install(directory, keys, rootPem, Encoding.ASCII.GetBytes(CertificatePem), key);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ManagerCredentials))]
internal sealed partial class ManagerCredentialsJson : JsonSerializerContext;
