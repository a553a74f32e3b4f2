namespace Skep.Raft;

/// <summary>
/// The log as the core sees it: the stored part and the unstable end as one, with the two marks that only go forward.
/// Always Applied &lt;= Committed &lt;= LastIndex.
/// </summary>
internal sealed class RaftLog
{
    private readonly ILogView _stored;
    private readonly UnstableLog _unstable;

    public RaftLog(ILogView stored, HardState hardState, SnapshotMetadata snapshot)
    {
        if (snapshot.Index + 1 < stored.FirstIndex)
            throw new RaftException($"log begins at {stored.FirstIndex} but the snapshot ends at {snapshot.Index}: entries between are lost");
        if (snapshot.Index > stored.LastIndex)
            throw new RaftException($"log ends at {stored.LastIndex} before the snapshot at {snapshot.Index}");
        if (hardState.Commit > stored.LastIndex)
            throw new RaftException($"log ends at {stored.LastIndex} but {hardState.Commit} was committed: entries are lost");
        _stored = stored;
        _unstable = new UnstableLog(stored.LastIndex + 1);
        Committed = Math.Max(hardState.Commit, snapshot.Index);
        Applied = snapshot.Index;
    }

    public ulong Committed { get; private set; }

    public ulong Applied { get; private set; }

    public ulong FirstIndex => _unstable.Snapshot is { } snapshot ? snapshot.Index + 1 : _stored.FirstIndex;

    public ulong LastIndex => _unstable.LastIndex;

    public ulong LastTerm => Term(LastIndex) ?? throw new RaftException($"the last entry {LastIndex} has no term");

    /// <summary>Up to here everything is on our disk.</summary>
    public ulong PersistedIndex => _unstable.Snapshot is null ? _unstable.Offset - 1 : 0;

    /// <summary>A snapshot came and is not installed yet.</summary>
    public bool HasPendingSnapshot => _unstable.Snapshot is not null;

    /// <summary>The newest snapshot that can be sent, or <see cref="SnapshotMetadata.None"/>.</summary>
    public SnapshotMetadata SendableSnapshot => _stored.Snapshot;

    /// <summary>Null where the log does not reach, or no longer.</summary>
    public ulong? Term(ulong index)
    {
        if (_unstable.Term(index) is { } term)
            return term;
        return index + 1 < FirstIndex || index > LastIndex ? null : _stored.Term(index);
    }

    public bool Matches(ulong index, ulong term) => Term(index) == term;

    /// <summary>Whether a log that ends so holds all we may have helped to commit (Raft paper, 5.4.1).</summary>
    public bool IsUpToDate(ulong lastTerm, ulong lastIndex) =>
        lastTerm > LastTerm || (lastTerm == LastTerm && lastIndex >= LastIndex);

    /// <summary>Entries in [lo, hi), at least one, then as many as fit. The caller has seen that lo is not compacted.</summary>
    public IReadOnlyList<Entry> Entries(ulong lo, ulong hi, ulong maxBytes)
    {
        if (lo >= hi)
            return [];
        var offset = _unstable.Offset;
        if (lo >= offset)
            return _unstable.Slice(lo, hi, maxBytes);

        var cut = Math.Min(hi, offset);
        var stored = _stored.Entries(lo, cut, maxBytes);
        if (stored.Count == 0)
            throw new RaftException($"the stored log has no entry {lo}");
        if (cut == hi || (ulong)stored.Count < cut - lo)
            return stored;
        var size = SizeOf(stored);
        if (size >= maxBytes)
            return stored;
        var rest = _unstable.Slice(cut, hi, maxBytes - size);
        return size + rest[0].Size > maxBytes ? stored : [.. stored, .. rest];
    }

    /// <summary>
    /// The highest index at or below the given one where our term is not above the given one: further up the other log,
    /// known only to have that term there, cannot agree with ours. Skips a whole term in one probe instead of one entry.
    /// Term is 0 where ours is not known, which may be a match.
    /// </summary>
    public (ulong Index, ulong Term) LastPossibleMatch(ulong index, ulong term)
    {
        for (; index > 0; index--)
        {
            if (Term(index) is not { } ours)
                return (index, 0);
            if (ours <= term)
                return (index, ours);
        }
        return (0, 0);
    }

    /// <summary>Appends what a leader made itself.</summary>
    public void Append(Entry entry) => _unstable.Append([entry]);

    /// <summary>
    /// Takes in entries that follow (index, term) of a leader's log, if ours agrees there. Only a real conflict cuts our
    /// log: an old, overtaken append must not take away what came after it.
    /// </summary>
    public bool TryAppend(ulong index, ulong term, IReadOnlyList<Entry> entries)
    {
        if (!Matches(index, term))
            return false;
        var known = 0;
        while (known < entries.Count && Matches(entries[known].Index, entries[known].Term))
            known++;
        if (known == entries.Count)
            return true;
        if (entries[known].Index <= Committed)
            throw new RaftException($"entry {entries[known].Index} of term {entries[known].Term} conflicts with a committed entry (committed {Committed})");
        _unstable.Append(entries.Skip(known).ToArray());
        return true;
    }

    public void CommitTo(ulong index)
    {
        if (index <= Committed)
            return;
        if (index > LastIndex)
            throw new RaftException($"index {index} is committed but our log ends at {LastIndex}: entries are lost");
        Committed = index;
    }

    /// <summary>Starts over from a snapshot.</summary>
    public void Restore(SnapshotMetadata snapshot)
    {
        _unstable.Restore(snapshot);
        Committed = snapshot.Index;
    }

    // What is committed by others may not be on our own disk yet; it is applied only once it is. A snapshot goes first.
    private ulong ApplicableIndex => HasPendingSnapshot ? Applied : Math.Min(Committed, PersistedIndex);

    public bool HasNextCommitted => Applied < ApplicableIndex;

    public IReadOnlyList<Entry> NextCommitted(ulong maxBytes) =>
        HasNextCommitted ? Entries(Applied + 1, ApplicableIndex + 1, maxBytes) : [];

    public bool HasNextUnstable => _unstable.HasNextEntries || _unstable.NextSnapshot is not null;

    public (Entry[] Entries, SnapshotMetadata? Snapshot) HandOutUnstable()
    {
        var next = (_unstable.NextEntries(), _unstable.NextSnapshot);
        _unstable.HandOut();
        return next;
    }

    public void Persisted(Entry last) => _unstable.Persisted(last.Index, last.Term);

    public void Installed(SnapshotMetadata snapshot)
    {
        _unstable.SnapshotPersisted(snapshot.Index);
        AppliedTo(snapshot.Index);
    }

    public void AppliedTo(ulong index) => Applied = Math.Max(Applied, index);

    /// <summary>Whether a change of the membership is committed that we have not applied: our idea of the quorum is out of date.</summary>
    public bool HasUnappliedConfChange(ulong pageBytes)
    {
        // Before a pending snapshot is installed the log does not reach down to Applied.
        for (var next = Math.Max(Applied + 1, FirstIndex); next <= Committed;)
        {
            var page = Entries(next, Committed + 1, pageBytes);
            if (page.Any(entry => entry.Kind == EntryKind.ConfChange))
                return true;
            next += (ulong)page.Count;
        }
        return false;
    }

    private static ulong SizeOf(IReadOnlyList<Entry> entries)
    {
        var size = 0UL;
        foreach (var entry in entries)
            size += entry.Size;
        return size;
    }
}
