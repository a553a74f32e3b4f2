namespace Skep.Raft;

/// <summary>
/// What the core reads of the stored log. It sees what is persisted, in the order it was handed out in <see cref="Ready"/>, and
/// must not change while the core is inside a call. Reads happen often: answer from memory.
/// </summary>
public interface ILogView
{
    /// <summary>
    /// Read once, at the start: the hard state, and the snapshot that the application restored its state from
    /// (<see cref="SnapshotMetadata.None"/> if it starts from nothing). Committed entries after that snapshot are handed out again.
    /// </summary>
    (HardState HardState, SnapshotMetadata Snapshot) InitialState();

    /// <summary>The first index that <see cref="Entries"/> can give; 1 for a new log, else the compacted index + 1.</summary>
    ulong FirstIndex { get; }

    /// <summary>The last index; FirstIndex - 1 when there are no entries.</summary>
    ulong LastIndex { get; }

    /// <summary>The term of the entry at an index in [FirstIndex - 1, LastIndex]; 0 for index 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index lies outside.</exception>
    ulong Term(ulong index);

    /// <summary>
    /// Entries from <paramref name="lo"/> up to, without, <paramref name="hi"/>, cut after <paramref name="maxBytes"/> of
    /// <see cref="Entry.Size"/>, but at least one if lo &lt; hi.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves [FirstIndex, LastIndex + 1].</exception>
    IReadOnlyList<Entry> Entries(ulong lo, ulong hi, ulong maxBytes);

    /// <summary>
    /// The newest snapshot that can be sent to a follower; <see cref="SnapshotMetadata.None"/> when there is none at the moment
    /// (the core asks again). It must cover everything before FirstIndex.
    /// </summary>
    SnapshotMetadata Snapshot { get; }
}
