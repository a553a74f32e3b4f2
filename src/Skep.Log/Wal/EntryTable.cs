using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// Every entry from <see cref="Base"/> on: its term and place on disk always, its data as long as it is likely to be read.
/// Data of entries up to the applied index are let go, oldest first, when all together exceed the limit; they are read from disk then.
/// </summary>
internal sealed class EntryTable(long maxDataBytes, Func<FrameLocation, LogBatch> readFrame)
{
    private readonly List<Slot> _slots = [];
    private long _dataBytes;
    private int _released; // slots before this one have no data in memory
    private ulong? _baseSegment; // where the log last began anew
    private (FrameLocation Location, IReadOnlyList<Entry> Entries)? _lastRead;

    public LogBase Base { get; private set; }

    public ulong FirstIndex => Base.Index + 1;

    public ulong LastIndex => Base.Index + (ulong)_slots.Count;

    /// <summary>Bytes of entry data held in memory.</summary>
    public long DataBytes => _dataBytes;

    /// <summary>The segment of the first entry, or without entries that in which the log began anew; null if it never did.</summary>
    public ulong? FirstSegment => _slots.Count == 0 ? _baseSegment : _slots[0].Location.Sequence;

    public ulong Term(ulong index)
    {
        if (index < Base.Index || index > LastIndex)
            throw new ArgumentOutOfRangeException(nameof(index), $"term of index {index} is outside [{Base.Index}, {LastIndex}]");
        return index == Base.Index ? Base.Term : _slots[Offset(index)].Term;
    }

    /// <summary>Entries from lo up to, without, hi; at least one and no more than fit in maxBytes.</summary>
    public IReadOnlyList<Entry> Read(ulong lo, ulong hi, ulong maxBytes)
    {
        if (lo < FirstIndex || hi > LastIndex + 1 || lo > hi)
            throw new ArgumentOutOfRangeException(nameof(lo), $"entries [{lo}, {hi}) are outside [{FirstIndex}, {LastIndex + 1})");
        List<Entry> entries = [];
        var size = 0UL;
        for (var index = lo; index < hi; index++)
        {
            var slot = _slots[Offset(index)];
            size += (ulong)slot.Length + Entry.Overhead;
            if (entries.Count > 0 && size > maxBytes)
                break;
            entries.Add(slot.Data is { } data ? new Entry(slot.Term, index, slot.Kind, data) : ReadBack(slot, index));
        }
        return entries;
    }

    /// <summary>The log begins anew after an installed snapshot.</summary>
    public void Reset(LogBase start)
    {
        Base = start;
        _slots.Clear();
        _dataBytes = 0;
        _released = 0;
    }

    /// <summary>Takes in a batch that is durable; what it replaces is forgotten.</summary>
    /// <exception cref="FormatException">It does not follow what is there.</exception>
    public void Add(LogBatch batch, FrameLocation location)
    {
        if (batch.Base is { } start)
        {
            Reset(start);
            _baseSegment = location.Sequence;
        }
        if (batch.Entries.Count == 0)
            return;
        var first = batch.Entries[0].Index;

        // The oldest segment that is left may begin in the middle, even with a rewrite of entries whose first version is gone.
        if (first <= Base.Index || (_slots.Count == 0 && Base == default))
            Reset(new LogBase(first - 1, batch.PreviousTerm));
        if (first > LastIndex + 1)
            throw new FormatException($"entry {first} follows entry {LastIndex}");
        if (Term(first - 1) != batch.PreviousTerm)
            throw new FormatException($"entry {first} follows an entry of term {batch.PreviousTerm}, but there is one of term {Term(first - 1)}");
        Truncate(first);
        foreach (var entry in batch.Entries)
        {
            _slots.Add(new Slot(entry.Term, entry.Kind, entry.Data.Length, entry.Data, location));
            _dataBytes += entry.Data.Length;
        }
    }

    /// <summary>Lets go of data that is not needed in memory any more.</summary>
    public void Release(ulong applied)
    {
        while (_dataBytes > maxDataBytes && _released < _slots.Count && Base.Index + 1 + (ulong)_released <= applied)
        {
            _dataBytes -= _slots[_released].Length;
            _slots[_released] = _slots[_released] with { Data = null };
            _released++;
        }
    }

    /// <summary>Forgets entries up to an index.</summary>
    public void DropThrough(ulong index)
    {
        if (index <= Base.Index)
            return;
        var start = new LogBase(index, Term(index));
        var count = (int)(index - Base.Index);
        for (var i = _released; i < count; i++)
            _dataBytes -= _slots[i].Length;
        _slots.RemoveRange(0, count);
        _released = Math.Max(0, _released - count);
        _lastRead = null;
        Base = start;
    }

    private void Truncate(ulong first)
    {
        var offset = Offset(first);
        for (var i = Math.Max(offset, _released); i < _slots.Count; i++)
            _dataBytes -= _slots[i].Length;
        _slots.RemoveRange(offset, _slots.Count - offset);
        _released = Math.Min(_released, offset);
    }

    // A follower that is far behind reads one entry after the other, and a frame holds many.
    private Entry ReadBack(Slot slot, ulong index)
    {
        if (_lastRead?.Location != slot.Location)
            _lastRead = (slot.Location, readFrame(slot.Location).Entries);
        var entries = _lastRead.Value.Entries;
        return entries[(int)(index - entries[0].Index)];
    }

    private int Offset(ulong index) => (int)(index - FirstIndex);

    private readonly record struct Slot(ulong Term, EntryKind Kind, int Length, ReadOnlyMemory<byte>? Data, FrameLocation Location);
}
