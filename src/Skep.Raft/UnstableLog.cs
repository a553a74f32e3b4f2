namespace Skep.Raft;

/// <summary>
/// The end of the log that is not known to be on our disk: entries and perhaps a snapshot, waiting to be handed out in a
/// <see cref="Ready"/> or being written. It lies over the stored log: what is here counts, even where the store still has
/// other entries at the same indexes, which are replaced by the next write.
/// </summary>
internal sealed class UnstableLog(ulong offset)
{
    private readonly List<Entry> _entries = [];

    // First index that is not being written. Offset <= _handedOut <= Offset + count.
    private ulong _handedOut = offset;
    private bool _snapshotHandedOut;

    /// <summary>Index of the first entry here. Everything before is persisted, unless <see cref="Snapshot"/> covers it.</summary>
    public ulong Offset { get; private set; } = offset;

    public ulong LastIndex => Offset + (ulong)_entries.Count - 1;

    /// <summary>A snapshot that is not persisted yet; it ends at the first <see cref="Offset"/> after it came.</summary>
    public SnapshotMetadata? Snapshot { get; private set; }

    public SnapshotMetadata? NextSnapshot => _snapshotHandedOut ? null : Snapshot;

    public bool HasNextEntries => _handedOut <= LastIndex;

    public ulong? Term(ulong index)
    {
        if (index >= Offset)
            return index <= LastIndex ? _entries[Position(index)].Term : null;
        return Snapshot?.Index == index ? Snapshot.Term : null;
    }

    public Entry[] Slice(ulong lo, ulong hi, ulong maxBytes) => EntryRange.Cut(_entries, Position(lo), (int)(hi - lo), maxBytes);

    public Entry[] NextEntries() => Slice(_handedOut, LastIndex + 1, ulong.MaxValue);

    /// <summary>All that is here now goes to the disk; what comes later is for the next Ready.</summary>
    public void HandOut()
    {
        _handedOut = LastIndex + 1;
        _snapshotHandedOut = Snapshot is not null;
    }

    /// <summary>
    /// A write that ended with this entry is done. If the entry was replaced meanwhile it does not match any more, and
    /// the replacement comes with a later write, which ends this one's part too.
    /// </summary>
    public void Persisted(ulong index, ulong term)
    {
        if (index < Offset || Term(index) != term)
            return;
        _entries.RemoveRange(0, Position(index + 1));
        Offset = index + 1;
        _handedOut = Math.Max(_handedOut, Offset);
    }

    public void SnapshotPersisted(ulong index)
    {
        if (Snapshot?.Index != index)
            return;
        Snapshot = null;
        _snapshotHandedOut = false;
    }

    public void Restore(SnapshotMetadata snapshot)
    {
        _entries.Clear();
        Offset = _handedOut = snapshot.Index + 1;
        Snapshot = snapshot;
        _snapshotHandedOut = false;
    }

    /// <summary>Puts the entries at their indexes; whatever was there and after is gone.</summary>
    public void Append(ReadOnlySpan<Entry> entries)
    {
        var first = entries[0].Index;
        if (first <= Offset)
        {
            _entries.Clear();
            Offset = first;
        }
        else
        {
            _entries.RemoveRange(Position(first), _entries.Count - Position(first));
        }
        _handedOut = Math.Min(_handedOut, first);
        _entries.AddRange(entries);
    }

    private int Position(ulong index) => (int)(index - Offset);
}
