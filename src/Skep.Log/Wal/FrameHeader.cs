using System.Buffers.Binary;
using System.IO.Hashing;

namespace Skep.Log;

/// <summary>
/// The 24 bytes before each frame. A frame is what one Ready writes and one sync makes durable, and it is written only after the frame before it
/// was synced. So a sound frame proves that everything before it was durable once: damage before a sound frame is never a torn write.
/// Both checksums are seeded with the log's id and cover the segment's number, the frame's place in it and the checksum of the frame before,
/// so a frame that was moved, or is left over from another file, does not pass.
/// </summary>
/// <param name="PayloadLength">Bytes after this header, without the padding to <see cref="Alignment"/>.</param>
/// <param name="Previous">Checksum of the frame before.</param>
/// <param name="Checksum">Of the payload and its place.</param>
internal readonly record struct FrameHeader(int PayloadLength, ulong Previous, ulong Checksum)
{
    public const int Size = 24;

    /// <summary>Frames begin at multiples of this, so that one after a damaged one, whose length cannot be trusted, can be searched for.</summary>
    public const int Alignment = 8;

    /// <summary>A longer frame is refused on writing, and taken for damage on reading.</summary>
    public const int MaxPayloadBytes = 256 << 20;

    public int TotalLength => (Size + PayloadLength + Alignment - 1) & ~(Alignment - 1);

    /// <summary>Fills the first <see cref="Size"/> bytes of <paramref name="frame"/>, a whole frame with payload and padding in place.</summary>
    public static FrameHeader Write(Span<byte> frame, int payloadLength, ulong previous, in FramePlace place)
    {
        var checksum = ChecksumOf(frame[Size..], previous, place);
        BinaryPrimitives.WriteInt32LittleEndian(frame, payloadLength);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[8..], previous);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[16..], checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], HeaderChecksum(frame, place));
        return new FrameHeader(payloadLength, previous, checksum);
    }

    /// <summary>False if these bytes are no sound frame header of this place.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, in FramePlace place, out FrameHeader header)
    {
        header = default;
        if (bytes.Length < Size)
            return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        if (length is <= 0 or > MaxPayloadBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) != HeaderChecksum(bytes, place))
            return false;
        header = new FrameHeader(length, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
        return true;
    }

    /// <summary>Whether these bytes, payload and padding, are what was written.</summary>
    public bool Matches(ReadOnlySpan<byte> paddedPayload, in FramePlace place) => ChecksumOf(paddedPayload, Previous, place) == Checksum;

    private static ulong ChecksumOf(ReadOnlySpan<byte> paddedPayload, ulong previous, in FramePlace place)
    {
        Span<byte> prefix = stackalloc byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, place.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(prefix[8..], place.Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(prefix[16..], previous);
        var hash = new XxHash3((long)place.LogId);
        hash.Append(prefix);
        hash.Append(paddedPayload);
        return hash.GetCurrentHashAsUInt64();
    }

    private static uint HeaderChecksum(ReadOnlySpan<byte> header, in FramePlace place)
    {
        Span<byte> bytes = stackalloc byte[36];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, place.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], place.Offset);
        header[..4].CopyTo(bytes[16..]);
        header[8..Size].CopyTo(bytes[20..]);
        return (uint)XxHash3.HashToUInt64(bytes, (long)place.LogId);
    }
}
