namespace Skep.Raft;

/// <summary>
/// Names a snapshot: the state after applying everything up to an index. The state itself never passes through the core;
/// whoever transports messages streams it beside the message that carries this.
/// </summary>
/// <param name="Index">The last entry the snapshot covers.</param>
/// <param name="Term">The term of that entry.</param>
/// <param name="Membership">The group as of that entry.</param>
public sealed record SnapshotMetadata(ulong Index, ulong Term, Membership Membership)
{
    /// <summary>A log that has no snapshot: nothing covered, nobody known.</summary>
    public static readonly SnapshotMetadata None = new(0, 0, Membership.Empty);

    /// <summary>
    /// Where a new group begins. Not at index 0: a member that joins later has an empty log, and only because entry 1
    /// cannot be had does it get a snapshot, which tells it the first members.
    /// Store it with <c>HardState(Term: 1, Vote: None, Commit: 1)</c>.
    /// </summary>
    public static SnapshotMetadata Bootstrap(params IEnumerable<ulong> voters) => new(1, 1, new Membership(voters));
}
