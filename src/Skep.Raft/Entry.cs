namespace Skep.Raft;

/// <summary>What the bytes of an <see cref="Entry"/> are.</summary>
public enum EntryKind : byte
{
    /// <summary>The application's own bytes; empty for the entry a new leader begins its term with.</summary>
    Normal = 0,

    /// <summary>An encoded <see cref="Raft.ConfChange"/>; see <see cref="Raft.ConfChange.Decode"/>.</summary>
    ConfChange = 1,
}

/// <summary>One place in the replicated log. Two entries of the same index and term are the same entry on every member.</summary>
/// <param name="Term">The term of the leader that made the entry; at least 1.</param>
/// <param name="Index">Position in the log; the first is 1, without gaps.</param>
/// <param name="Kind">What <paramref name="Data"/> is.</param>
/// <param name="Data">Never changed after the entry was made: the same memory may be on its way to the disk, to peers and to the application.</param>
public readonly record struct Entry(ulong Term, ulong Index, EntryKind Kind, ReadOnlyMemory<byte> Data)
{
    /// <summary>What an entry costs beside its data when messages, pages and windows are measured, in bytes.</summary>
    public const ulong Overhead = 24;

    /// <summary>The size used for every byte limit of the core: data plus <see cref="Overhead"/>.</summary>
    public ulong Size => (ulong)Data.Length + Overhead;

    /// <summary>Compares data by content: an entry read back from a disk equals the one that was written.</summary>
    public bool Equals(Entry other) =>
        Term == other.Term && Index == other.Index && Kind == other.Kind && Data.Span.SequenceEqual(other.Data.Span);

    public override int GetHashCode() => HashCode.Combine(Term, Index, Kind, Data.Length);

    public override string ToString() => $"{Term}/{Index} {Kind} {Data.Length} bytes";
}
