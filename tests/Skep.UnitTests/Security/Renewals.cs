using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Skep.Security;

namespace Skep.UnitTests.Security;

internal static class Renewals
{
    /// <summary>A new certificate with a new key, at once.</summary>
    public static void Renew(this ManagerCertificate certificate, RootCertificateAuthority root, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        certificate.Replace(root.Sign(new PublicKey(key), certificate.Identity, TimeSpan.FromDays(90), now), key.ExportECPrivateKeyPem());
    }
}
