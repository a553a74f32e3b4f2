using System.Buffers.Binary;
using System.IO.Hashing;

namespace Skep.Log;

/// <summary>
/// How far the log has been synced, kept in a small file beside the segments. Without it, a damaged last frame cannot be told from
/// a write that was torn before it was acknowledged. It is written after each sync and before anything is acknowledged, but itself
/// synced only when the log falls idle and when it is closed, so it costs no second sync per write. It can only
/// say too little: after a killed process it is exact; after a power failure it may miss the last second.
/// </summary>
/// <param name="LogId">See <see cref="SegmentHeader"/>.</param>
/// <param name="Sequence">The segment that was being written.</param>
/// <param name="Length">That many bytes of it are durable.</param>
/// <param name="Checksum">Of the frame that ends there; the segment's <see cref="SegmentHeader.Previous"/> if none.</param>
internal readonly record struct SyncMark(ulong LogId, ulong Sequence, long Length, ulong Checksum)
{
    public const string FileName = "synced.mark";
    public const int Size = 48;

    private static ReadOnlySpan<byte> Magic => "SkepMRK\x1"u8;

    public void Encode(Span<byte> bytes)
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], LogId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], Length);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], Checksum);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], XxHash3.HashToUInt64(bytes[..40]));
    }

    /// <summary>Null if damaged.</summary>
    public static SyncMark? Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size || !bytes.StartsWith(Magic) || BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]) != XxHash3.HashToUInt64(bytes[..40]))
            return null;
        return new SyncMark(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]));
    }
}
