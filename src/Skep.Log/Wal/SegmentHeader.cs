using System.Buffers.Binary;
using System.IO.Hashing;

namespace Skep.Log;

/// <summary>
/// The first 64 bytes of a segment. Their length, the magic, the version byte and the trailing checksum are the same in every format version,
/// so that a newer one is told from a damaged one.
/// </summary>
/// <param name="Version">Format of what follows.</param>
/// <param name="CipherScheme">See <see cref="IRecordCipher.Scheme"/>.</param>
/// <param name="LogId">Random, made with the log: frames of another log never pass for this one's.</param>
/// <param name="NodeId">The Raft member whose log this is.</param>
/// <param name="Sequence">1 for the first segment ever, then one more for each.</param>
/// <param name="Previous">Checksum of the last frame of the segment before; the log id in the first segment.</param>
/// <param name="CipherKeyId">See <see cref="IRecordCipher.KeyId"/>.</param>
internal sealed record SegmentHeader(byte Version, byte CipherScheme, ulong LogId, ulong NodeId, ulong Sequence, ulong Previous, ulong CipherKeyId)
{
    public const int Size = 64;
    public const byte CurrentVersion = 1;

    private static ReadOnlySpan<byte> Magic => "SkepWAL\0"u8;

    public byte[] Encode()
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes);
        bytes[8] = Version;
        bytes[9] = CipherScheme;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), LogId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), NodeId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), Previous);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(48), CipherKeyId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(56), XxHash3.HashToUInt64(bytes.AsSpan(0, 56)));
        return bytes;
    }

    /// <summary>Null if the bytes are too few or damaged.</summary>
    /// <exception cref="LogVersionException">Sound, but of another format version.</exception>
    public static SegmentHeader? Decode(ReadOnlySpan<byte> bytes, string file)
    {
        if (bytes.Length < Size || !bytes.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]) != XxHash3.HashToUInt64(bytes[..56]))
        {
            return null;
        }
        if (bytes[8] != CurrentVersion)
            throw new LogVersionException($"{file} is of log format {bytes[8]}, this skepd knows {CurrentVersion}; upgrade skepd on this host");
        return new SegmentHeader(
            bytes[8],
            bytes[9],
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]));
    }
}
