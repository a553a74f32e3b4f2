using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Skep.Security;

/// <summary>Which keys the cluster accepts: what SwarmKit accepts (ECDSA on the three NIST curves, RSA from 2,048 bits).</summary>
internal static class KeyStrength
{
    private const int MinRsaBits = 2048;

    /// <summary>Bounds the work of one signature check; nobody uses longer ones.</summary>
    private const int MaxRsaBits = 8192;

    private static readonly int[] CurveBits = [256, 384, 521];

    /// <summary>Null when the key is strong enough.</summary>
    public static string? Weakness(PublicKey key)
    {
        try
        {
            using var ecdsa = key.GetECDsaPublicKey();
            if (ecdsa is not null)
                return CurveBits.Contains(ecdsa.KeySize) && ecdsa.ExportParameters(false).Curve.IsNamed ? null : "has an unsupported ECDSA key: use P-256, P-384 or P-521";
            using var rsa = key.GetRSAPublicKey();
            if (rsa is not null)
                return rsa.KeySize is >= MinRsaBits and <= MaxRsaBits ? null : $"has an RSA key of {rsa.KeySize} bits: use {MinRsaBits} to {MaxRsaBits}, or an ECDSA key";
        }
        catch (CryptographicException)
        {
            return "has a key that cannot be read";
        }
        return "has a key of an unsupported kind: use an ECDSA or RSA key";
    }
}
