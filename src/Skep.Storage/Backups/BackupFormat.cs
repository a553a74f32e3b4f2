using System.Buffers.Binary;
using System.Security.Cryptography;
using Skep.Log;

namespace Skep.Storage.Backups;

/// <summary>
/// A backup file: magic (7 bytes), format (1), length of the manifest (4, little endian as all lengths), manifest (JSON), then blocks, each its
/// length (4) and its bytes, a length of 0 that ends them, and the SHA-256 of everything before it (32). The blocks together, each opened
/// if the manifest has a salt, are the length (4) of the manager's credentials (0: none), these as JSON, and a state snapshot. Magic, format byte and the trailing hash are the same in every format, so that a
/// newer one is told from a damaged one.
/// </summary>
internal static class BackupFormat
{
    public const byte Current = 1;
    public const int HeadBytes = 12;
    public const int FormatOffset = 7;
    public const int LengthBytes = 4;
    public const int HashBytes = SHA256.HashSizeInBytes;
    public const int SaltBytes = 16;

    /// <summary>Of the state in one block, before it is sealed.</summary>
    public const int BlockBytes = 1 << 20;

    /// <summary>A longer block is taken for damage.</summary>
    public const int MaxBlockBytes = BlockBytes + 1024;

    /// <summary>A longer manifest is taken for damage.</summary>
    public const int MaxManifestBytes = 64 << 10;

    private const int ContextBytes = 24;

    public static ReadOnlySpan<byte> Magic => "SKEPBKP"u8;

    /// <summary>The cipher of a sealed backup's blocks.</summary>
    public static AesGcmRecordCipher Cipher(ReadOnlySpan<byte> unlockKey, ReadOnlySpan<byte> salt)
    {
        Span<byte> key = stackalloc byte[AesGcmRecordCipher.KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, unlockKey, key, salt, info: "skep backup"u8);
        return new AesGcmRecordCipher(key);
    }

    /// <summary>Binds a block to its manifest and its place.</summary>
    public static byte[] ContextOf(ReadOnlySpan<byte> manifest, long number)
    {
        var context = new byte[ContextBytes];
        SHA256.HashData(manifest).AsSpan(0, ContextBytes - 8).CopyTo(context);
        BinaryPrimitives.WriteInt64LittleEndian(context.AsSpan(ContextBytes - 8), number);
        return context;
    }
}
