using System.Buffers.Binary;
using System.IO.Hashing;

namespace Skep.Log;

/// <summary>
/// The 16 bytes before each block of a snapshot's content: length of the sealed block (8), checksum (8). The checksum covers the block's number
/// and, as its seed goes from block to block, all blocks before it. A block of length 0, whose checksum covers the total length, ends the file.
/// </summary>
internal readonly record struct SnapshotBlock(long SealedLength, ulong Checksum)
{
    public const int HeaderSize = 16;

    /// <summary>Content bytes per block. Small enough that damage is found before much is read, large enough that headers cost nothing.</summary>
    public const int ContentBytes = 64 << 10;

    /// <summary>A sealed block is longer than its content by what the cipher adds.</summary>
    public const int MaxSealedBytes = ContentBytes + 1024;

    public static ulong ChecksumOf(ReadOnlySpan<byte> sealedBytes, long number, ulong previous)
    {
        Span<byte> prefix = stackalloc byte[12];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, number);
        BinaryPrimitives.WriteInt32LittleEndian(prefix[8..], sealedBytes.Length);
        var hash = new XxHash3((long)previous);
        hash.Append(prefix);
        hash.Append(sealedBytes);
        return hash.GetCurrentHashAsUInt64();
    }

    public static ulong EndChecksum(long contentLength, long number, ulong previous)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, contentLength);
        return ChecksumOf(length, number, previous);
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, SealedLength);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], Checksum);
    }

    public static SnapshotBlock Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));

    /// <summary>What a block is sealed for: the file and its number in it.</summary>
    public static void WriteContext(Span<byte> context, ulong fileId, long number) =>
        new FramePlace(fileId, 0, number).WriteContext(context);
}
