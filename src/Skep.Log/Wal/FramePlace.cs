using System.Buffers.Binary;

namespace Skep.Log;

/// <summary>Where a frame stands: which log, which segment, which byte. Part of its checksum and of its sealing.</summary>
internal readonly record struct FramePlace(ulong LogId, ulong Sequence, long Offset)
{
    public const int ContextSize = 24;

    public void WriteContext(Span<byte> context)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(context, LogId);
        BinaryPrimitives.WriteUInt64LittleEndian(context[8..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(context[16..], Offset);
    }
}
