using System.Buffers;
using System.Buffers.Binary;
using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// What one frame holds. The hard state stands in every frame, so that any segment can be deleted once its entries are not needed.
/// </summary>
/// <param name="HardState">As of this frame.</param>
/// <param name="Base">If set, the log begins anew after it: a snapshot was installed, and all entries before this frame are void.</param>
/// <param name="Entries">They replace everything from the first one's index on.</param>
/// <param name="PreviousTerm">The term of the entry before the first one; 0 without entries.</param>
internal sealed record LogBatch(HardState HardState, LogBase? Base, IReadOnlyList<Entry> Entries, ulong PreviousTerm)
{
    // A record is: kind (1 byte), length of the body (4 bytes, little endian as all numbers), body.
    private const byte HardStateKind = 1; // term, vote, commit: 8 bytes each
    private const byte BaseKind = 2; // index, term: 8 bytes each
    private const byte EntriesKind = 3; // first index 8, previous term 8, count 4, then for each: term 8, kind 1, length 4, data
    private const int RecordHeader = 5;
    private const int EntryHeader = 13;

    public void Encode(ArrayBufferWriter<byte> output)
    {
        var body = Record(output, HardStateKind, 24);
        BinaryPrimitives.WriteUInt64LittleEndian(body, HardState.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], HardState.Vote);
        BinaryPrimitives.WriteUInt64LittleEndian(body[16..], HardState.Commit);
        if (Base is { } start)
        {
            body = Record(output, BaseKind, 16);
            BinaryPrimitives.WriteUInt64LittleEndian(body, start.Index);
            BinaryPrimitives.WriteUInt64LittleEndian(body[8..], start.Term);
        }
        if (Entries.Count == 0)
            return;
        var length = 20L;
        foreach (var entry in Entries)
            length += EntryHeader + entry.Data.Length;
        if (length > FrameHeader.MaxPayloadBytes)
            throw new IOException($"{Entries.Count} entries of {length} bytes are more than one write of the log takes ({FrameHeader.MaxPayloadBytes})");
        body = Record(output, EntriesKind, (int)length);
        BinaryPrimitives.WriteUInt64LittleEndian(body, Entries[0].Index);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], PreviousTerm);
        BinaryPrimitives.WriteInt32LittleEndian(body[16..], Entries.Count);
        body = body[20..];
        foreach (var entry in Entries)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(body, entry.Term);
            body[8] = (byte)entry.Kind;
            BinaryPrimitives.WriteInt32LittleEndian(body[9..], entry.Data.Length);
            entry.Data.Span.CopyTo(body[EntryHeader..]);
            body = body[(EntryHeader + entry.Data.Length)..];
        }
    }

    /// <summary>The entries' data are slices of the payload, which must not be changed afterwards.</summary>
    /// <exception cref="FormatException">Not what <see cref="Encode"/> writes; the message says what.</exception>
    public static LogBatch Decode(ReadOnlyMemory<byte> payload)
    {
        HardState? hardState = null;
        LogBase? start = null;
        List<Entry> entries = [];
        var previousTerm = 0UL;
        while (payload.Length > 0)
        {
            if (payload.Length < RecordHeader)
                throw new FormatException("a record is cut off");
            var kind = payload.Span[0];
            var length = BinaryPrimitives.ReadInt32LittleEndian(payload.Span[1..]);
            if (length < 0 || length > payload.Length - RecordHeader)
                throw new FormatException($"a record of kind {kind} is longer than its frame");
            var body = payload.Slice(RecordHeader, length);
            payload = payload[(RecordHeader + length)..];
            switch (kind)
            {
                case HardStateKind when length == 24:
                    hardState = new HardState(ReadUInt64(body, 0), ReadUInt64(body, 8), ReadUInt64(body, 16));
                    break;
                case BaseKind when length == 16:
                    start = new LogBase(ReadUInt64(body, 0), ReadUInt64(body, 8));
                    break;
                case EntriesKind when length >= 20:
                    previousTerm = ReadUInt64(body, 8);
                    DecodeEntries(body, entries);
                    break;
                default:
                    throw new FormatException($"a record of kind {kind} and {length} bytes is unknown");
            }
        }
        return new LogBatch(hardState ?? throw new FormatException("the hard state is missing"), start, entries, previousTerm);
    }

    private static void DecodeEntries(ReadOnlyMemory<byte> body, List<Entry> entries)
    {
        var index = ReadUInt64(body, 0);
        var count = BinaryPrimitives.ReadInt32LittleEndian(body.Span[16..]);
        body = body[20..];
        for (var i = 0; i < count; i++, index++)
        {
            if (body.Length < EntryHeader)
                throw new FormatException($"entry {index} is cut off");
            var length = BinaryPrimitives.ReadInt32LittleEndian(body.Span[9..]);
            if (length < 0 || length > body.Length - EntryHeader)
                throw new FormatException($"entry {index} is longer than its frame");
            entries.Add(new Entry(ReadUInt64(body, 0), index, (EntryKind)body.Span[8], body.Slice(EntryHeader, length)));
            body = body[(EntryHeader + length)..];
        }
        if (body.Length != 0)
            throw new FormatException($"{body.Length} bytes follow the last entry");
    }

    private static Span<byte> Record(ArrayBufferWriter<byte> output, byte kind, int length)
    {
        var span = output.GetSpan(RecordHeader + length);
        span[0] = kind;
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], length);
        output.Advance(RecordHeader + length);
        return span.Slice(RecordHeader, length);
    }

    private static ulong ReadUInt64(ReadOnlyMemory<byte> body, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(body.Span[offset..]);
}
