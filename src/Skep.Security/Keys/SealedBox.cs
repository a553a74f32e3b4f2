using System.Security.Cryptography;

namespace Skep.Security.Keys;

/// <summary>
/// AES-256-GCM under an unlock key of any length: salt (16 bytes), ciphertext, tag (16). Each box has a key of its own, derived from a random salt,
/// so the nonce may be zero.
/// </summary>
internal static class SealedBox
{
    private const int SaltBytes = 16;
    private const int TagBytes = 16;
    private const int KeyBytes = 32;
    private const int NonceBytes = 12;

    public static byte[] Seal(ReadOnlySpan<byte> unlockKey, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> context)
    {
        var box = new byte[SaltBytes + plain.Length + TagBytes];
        RandomNumberGenerator.Fill(box.AsSpan(0, SaltBytes));
        using var aes = Cipher(unlockKey, box.AsSpan(0, SaltBytes));
        aes.Encrypt(stackalloc byte[NonceBytes], plain, box.AsSpan(SaltBytes, plain.Length), box.AsSpan(SaltBytes + plain.Length), context);
        return box;
    }

    /// <summary>Null: another key, or damaged.</summary>
    public static byte[]? TryOpen(ReadOnlySpan<byte> unlockKey, ReadOnlySpan<byte> box, ReadOnlySpan<byte> context)
    {
        if (unlockKey.IsEmpty || box.Length < SaltBytes + TagBytes)
            return null;
        var plain = new byte[box.Length - SaltBytes - TagBytes];
        using var aes = Cipher(unlockKey, box[..SaltBytes]);
        try
        {
            aes.Decrypt(stackalloc byte[NonceBytes], box[SaltBytes..^TagBytes], box[^TagBytes..], plain, context);
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private static AesGcm Cipher(ReadOnlySpan<byte> unlockKey, ReadOnlySpan<byte> salt)
    {
        Span<byte> key = stackalloc byte[KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, unlockKey, key, salt, info: "skep manager keys"u8);
        return new AesGcm(key, TagBytes);
    }
}
