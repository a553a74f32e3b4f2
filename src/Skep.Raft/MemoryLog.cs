namespace Skep.Raft;

/// <summary>A stored log in memory: what a disk would hold, for tests and simulation.</summary>
public sealed class MemoryLog : ILogView
{
    private readonly List<Entry> _entries = [];
    private HardState _hardState;

    // Entry before FirstIndex: kept apart from the snapshot, which may be newer than what was compacted.
    private ulong _compactedIndex;
    private ulong _compactedTerm;
    private SnapshotMetadata _snapshot;

    /// <summary>An empty log: a member that waits to be told everything.</summary>
    public MemoryLog() : this(SnapshotMetadata.None, default)
    {
    }

    /// <summary>A log that begins after a snapshot.</summary>
    public MemoryLog(SnapshotMetadata snapshot, HardState hardState)
    {
        _snapshot = snapshot;
        _compactedIndex = snapshot.Index;
        _compactedTerm = snapshot.Term;
        _hardState = hardState;
    }

    /// <summary>The log of a first member of a new group.</summary>
    public static MemoryLog Bootstrap(params IEnumerable<ulong> voters) =>
        new(SnapshotMetadata.Bootstrap(voters), new HardState(1, NodeId.None, 1));

    public ulong FirstIndex => _compactedIndex + 1;

    public ulong LastIndex => _compactedIndex + (ulong)_entries.Count;

    public SnapshotMetadata Snapshot => SnapshotUnavailable ? SnapshotMetadata.None : _snapshot;

    /// <summary>Makes <see cref="Snapshot"/> answer that there is none at the moment.</summary>
    public bool SnapshotUnavailable { get; set; }

    public HardState HardState => _hardState;

    public (HardState HardState, SnapshotMetadata Snapshot) InitialState() => (_hardState, _snapshot);

    public ulong Term(ulong index)
    {
        if (index < _compactedIndex || index > LastIndex)
            throw new ArgumentOutOfRangeException(nameof(index), $"term of index {index} is outside [{_compactedIndex}, {LastIndex}]");
        return index == _compactedIndex ? _compactedTerm : _entries[Offset(index)].Term;
    }

    public IReadOnlyList<Entry> Entries(ulong lo, ulong hi, ulong maxBytes)
    {
        if (lo < FirstIndex || hi > LastIndex + 1 || lo > hi)
            throw new ArgumentOutOfRangeException(nameof(lo), $"entries [{lo}, {hi}) are outside [{FirstIndex}, {LastIndex + 1})");
        return EntryRange.Cut(_entries, Offset(lo), (int)(hi - lo), maxBytes);
    }

    /// <summary>Stores what a <see cref="Ready"/> asks to persist.</summary>
    public void Persist(Ready ready)
    {
        if (ready.Snapshot is { } snapshot)
            Install(snapshot);
        Append(ready.Entries);
        if (ready.HardState is { } hardState)
            _hardState = hardState;
    }

    /// <summary>Appends entries, replacing everything from the first one's index on.</summary>
    public void Append(IReadOnlyList<Entry> entries)
    {
        if (entries.Count == 0)
            return;
        var first = entries[0].Index;
        if (first < FirstIndex || first > LastIndex + 1)
            throw new ArgumentOutOfRangeException(nameof(entries), $"entry {first} does not follow [{FirstIndex}, {LastIndex}]");
        _entries.RemoveRange(Offset(first), _entries.Count - Offset(first));
        _entries.AddRange(entries);
    }

    /// <summary>Notes that the application made a snapshot of its state at an index it has applied. Entries stay.</summary>
    public void CreateSnapshot(ulong index, Membership membership)
    {
        if (index > _snapshot.Index)
            _snapshot = new SnapshotMetadata(index, Term(index), membership);
    }

    /// <summary>Forgets entries up to an index that the snapshot covers.</summary>
    public void Compact(ulong index)
    {
        if (index > _snapshot.Index)
            throw new ArgumentOutOfRangeException(nameof(index), $"cannot compact to {index}: the snapshot ends at {_snapshot.Index}");
        if (index <= _compactedIndex)
            return;
        _compactedTerm = Term(index);
        _entries.RemoveRange(0, Offset(index + 1));
        _compactedIndex = index;
    }

    private void Install(SnapshotMetadata snapshot)
    {
        _entries.Clear();
        _snapshot = snapshot;
        _compactedIndex = snapshot.Index;
        _compactedTerm = snapshot.Term;
    }

    private int Offset(ulong index) => (int)(index - FirstIndex);
}
