namespace Skep.Raft;

/// <summary>How entries are sent to a follower.</summary>
public enum ProgressState : byte
{
    /// <summary>Where its log ends is not known: one append at a time, to find out.</summary>
    Probe,

    /// <summary>It keeps up: appends are sent ahead of its answers.</summary>
    Replicate,

    /// <summary>It needs entries that are compacted: nothing is sent until it has a snapshot.</summary>
    Snapshot,
}

/// <summary>What the leader knows of one member.</summary>
/// <param name="Id">Whom.</param>
/// <param name="IsLearner">Whether it has no vote.</param>
/// <param name="State">How it is sent entries.</param>
/// <param name="Match">The highest index known to be on its disk.</param>
/// <param name="Next">The next index to send.</param>
/// <param name="RecentActive">Heard from within the last ElectionTicks; always true for the leader itself.</param>
/// <param name="PendingSnapshot">The index of the snapshot under way to it, or 0.</param>
/// <param name="Paused">Nothing is sent until it answers.</param>
public readonly record struct PeerStatus(
    ulong Id, bool IsLearner, ProgressState State, ulong Match, ulong Next, bool RecentActive, ulong PendingSnapshot, bool Paused);

/// <summary>The node at one moment, for people and metrics.</summary>
public sealed record Status
{
    public required ulong Id { get; init; }

    public required HardState HardState { get; init; }

    public required SoftState SoftState { get; init; }

    /// <summary>The last index handed back as applied.</summary>
    public required ulong Applied { get; init; }

    public required ulong LastIndex { get; init; }

    public required Membership Membership { get; init; }

    /// <summary>Whom the leadership is being passed to, or <see cref="NodeId.None"/>.</summary>
    public required ulong TransferTarget { get; init; }

    /// <summary>Every member by id; empty unless we lead.</summary>
    public required IReadOnlyList<PeerStatus> Peers { get; init; }
}
