using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Skep.Wire;

/// <summary>
/// What <c>docker swarm join --token</c> takes: <c>SWMTKN-1-DIGEST-SECRET</c>. The digest tells the newcomer whether it speaks with
/// the right cluster, the secret tells the cluster that the newcomer may join, and as what.
/// </summary>
/// <param name="RootDigest">SHA-256 of the root CA certificate's PEM, as it is served. 32 bytes.</param>
/// <param name="Secret">25 characters of base 36.</param>
public sealed record JoinToken(ReadOnlyMemory<byte> RootDigest, string Secret)
{
    /// <summary>Bytes of randomness in a token's secret.</summary>
    public const int SecretBytes = 16;

    private const string Prefix = "SWMTKN-1-";
    private const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

    /// <summary>Base-36 digits that 256 bits need.</summary>
    private const int DigestLength = 50;

    /// <summary>Base-36 digits that 128 bits need.</summary>
    private const int SecretLength = 25;

    /// <summary>A new token of the cluster with this root certificate.</summary>
    /// <param name="rootCertificatePem">Exactly the bytes that GetRootCACertificate serves.</param>
    /// <param name="secret">16 random bytes.</param>
    public static string Create(ReadOnlySpan<byte> rootCertificatePem, ReadOnlySpan<byte> secret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, SecretBytes);
        return $"{Prefix}{ToBase36(SHA256.HashData(rootCertificatePem), DigestLength)}-{ToBase36(secret, SecretLength)}";
    }

    /// <summary>Takes a token apart.</summary>
    /// <exception cref="FormatException">It is not a join token; the message never repeats it.</exception>
    public static JoinToken Parse(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        var parts = token.Split('-');
        if (parts is not ["SWMTKN", "1", { Length: DigestLength } digest, { Length: SecretLength } secret]
            || FromBase36(digest) is not { } value || value.GetByteCount(isUnsigned: true) > SHA256.HashSizeInBytes || FromBase36(secret) is null)
        {
            throw new FormatException("invalid join token");
        }
        var bytes = new byte[SHA256.HashSizeInBytes];
        var number = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        number.CopyTo(bytes.AsSpan(bytes.Length - number.Length));
        return new JoinToken(bytes, secret);
    }

    /// <summary>The certificate is the one whose digest the token carries.</summary>
    public bool IsOf(ReadOnlySpan<byte> rootCertificatePem) => RootDigest.Span.SequenceEqual(SHA256.HashData(rootCertificatePem));

    /// <summary>Compares without telling by its duration how much of the token was right.</summary>
    public static bool AreSame(string expected, string presented) =>
        expected.Length > 0 && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(presented));

    private static string ToBase36(ReadOnlySpan<byte> bytes, int length)
    {
        Span<char> digits = stackalloc char[length];
        var value = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
        for (var i = length - 1; i >= 0; i--)
        {
            value = BigInteger.DivRem(value, Alphabet.Length, out var digit);
            digits[i] = Alphabet[(int)digit];
        }
        return new string(digits);
    }

    private static BigInteger? FromBase36(string digits)
    {
        var value = BigInteger.Zero;
        foreach (var c in digits)
        {
            var digit = Alphabet.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0)
                return null;
            value = (value * Alphabet.Length) + digit;
        }
        return value;
    }
}
