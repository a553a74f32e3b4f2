namespace Skep.Raft;

/// <summary>How one member behaves. All members of a group should have the same values, apart from <see cref="Id"/> and <see cref="Seed"/>.</summary>
public sealed record RaftConfig
{
    /// <summary>Our own id; not zero.</summary>
    public required ulong Id { get; init; }

    /// <summary>
    /// Ticks without a word from the leader until a follower stands for election; each time a random number in
    /// [ElectionTicks, 2 × ElectionTicks) so that members do not stand at once.
    /// </summary>
    public int ElectionTicks { get; init; } = 10;

    /// <summary>Ticks between the leader's heartbeats; well below <see cref="ElectionTicks"/>.</summary>
    public int HeartbeatTicks { get; init; } = 1;

    /// <summary>Ask before raising the term, so that a member coming back from a partition disturbs nobody.</summary>
    public bool PreVote { get; init; } = true;

    /// <summary>
    /// A leader that has not heard from a majority for ElectionTicks steps down, and members that hear from a leader give no vote.
    /// </summary>
    public bool CheckQuorum { get; init; } = true;

    /// <summary>Most bytes of entries in one append (one entry may be larger).</summary>
    public ulong MaxMessageBytes { get; init; } = 1 << 20;

    /// <summary>Most bytes of committed entries in one <see cref="Ready"/> (one entry may be larger).</summary>
    public ulong MaxCommittedBytes { get; init; } = 4 << 20;

    /// <summary>Most appends under way to one follower without an answer.</summary>
    public int MaxInflightMessages { get; init; } = 256;

    /// <summary>Most bytes of entries under way to one follower without an answer; at least <see cref="MaxMessageBytes"/>.</summary>
    public ulong MaxInflightBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Most bytes of proposals not yet committed; more are refused with <see cref="ProposalStatus.TooManyUncommitted"/>.
    /// The first is always taken, however large.
    /// </summary>
    public ulong MaxUncommittedBytes { get; init; } = 256 << 20;

    /// <summary>Most reads waiting for their index; more are refused with <see cref="ReadIndexStatus.TooManyPending"/>.</summary>
    public int MaxPendingReads { get; init; } = 4096;

    /// <summary>Seeds the election timeouts; different on every member, or they stand at the same moment for ever.</summary>
    public int Seed { get; init; }

    /// <exception cref="ArgumentException">A value makes no sense.</exception>
    internal void Validate()
    {
        if (Id == NodeId.None)
            throw new ArgumentException("id cannot be 0");
        if (HeartbeatTicks <= 0)
            throw new ArgumentException("heartbeat ticks must be greater than 0");
        if (ElectionTicks <= HeartbeatTicks)
            throw new ArgumentException("election ticks must be greater than heartbeat ticks");
        if (MaxInflightMessages <= 0)
            throw new ArgumentException("max inflight messages must be greater than 0");
        if (MaxInflightBytes < MaxMessageBytes)
            throw new ArgumentException("max inflight bytes must be at least max message bytes");
        if (MaxPendingReads <= 0)
            throw new ArgumentException("max pending reads must be greater than 0");
    }
}
