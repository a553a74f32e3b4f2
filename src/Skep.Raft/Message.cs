namespace Skep.Raft;

/// <summary>What one member says to another.</summary>
public enum MessageType : byte
{
    /// <summary>Leader: entries after (Index, LogTerm), and how far is committed.</summary>
    Append = 1,

    /// <summary>Follower: has everything up to Index, or (Reject) has not Index, but perhaps RejectHint at LogTerm.</summary>
    AppendResponse = 2,

    /// <summary>Leader: install this snapshot; the transport streams its content first.</summary>
    Snapshot = 3,

    /// <summary>Leader: still here, and what is committed of what you have. Context marks pending reads.</summary>
    Heartbeat = 4,

    /// <summary>Follower: still follows. Gives Context back.</summary>
    HeartbeatResponse = 5,

    /// <summary>Candidate: vote for me at Term; my log ends at (Index, LogTerm).</summary>
    Vote = 6,

    /// <summary>Voter: granted, or Reject.</summary>
    VoteResponse = 7,

    /// <summary>Would you vote for me at Term, were I to stand?</summary>
    PreVote = 8,

    /// <summary>The answer to <see cref="PreVote"/>.</summary>
    PreVoteResponse = 9,

    /// <summary>Leader: stand for election now, do not wait (leader transfer).</summary>
    TimeoutNow = 10,

    /// <summary>Follower: pass the leadership on to the member named in Index.</summary>
    TransferLeader = 11,

    /// <summary>Follower: from which index on is a read up to date? Context names the read.</summary>
    ReadIndex = 12,

    /// <summary>Leader: from Index on. Gives Context back.</summary>
    ReadIndexResponse = 13,
}

/// <summary>
/// A message between members. Messages may be lost, doubled, delayed and overtaken; only speed suffers.
/// Which fields mean something depends on <see cref="Type"/>; the others are zero.
/// </summary>
public sealed record Message
{
    public required MessageType Type { get; init; }

    public required ulong From { get; init; }

    public required ulong To { get; init; }

    /// <summary>The sender's term; for a pre-vote the term it would stand in.</summary>
    public ulong Term { get; init; }

    /// <summary>The term of the entry at <see cref="Index"/>, or of the hint in a refused append.</summary>
    public ulong LogTerm { get; init; }

    public ulong Index { get; init; }

    /// <summary>Consecutive, beginning at <see cref="Index"/> + 1.</summary>
    public IReadOnlyList<Entry> Entries { get; init; } = [];

    public ulong Commit { get; init; }

    public bool Reject { get; init; }

    public ulong RejectHint { get; init; }

    /// <summary>Only with <see cref="MessageType.Snapshot"/>.</summary>
    public SnapshotMetadata? Snapshot { get; init; }

    /// <summary>The caller's bytes of a read; in heartbeats the core's own mark of pending reads.</summary>
    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>Only with <see cref="MessageType.Vote"/>: the election was asked for by the leader itself: voters need not wait for its lease to run out.</summary>
    public bool ForcedByTransfer { get; init; }

    /// <summary>
    /// True when the message promises that something is on our disk, so that it must wait until the <see cref="Ready"/> it
    /// came with is persisted. All others may be sent at once, while the disk works (Raft thesis, 10.2.1).
    /// </summary>
    public bool AwaitsPersistence => Type is MessageType.AppendResponse or MessageType.VoteResponse or MessageType.PreVoteResponse;
}
