namespace Skep.Raft;

/// <summary>
/// What a member must remember over a restart beside its log. Term and Vote must be on disk before any message of the
/// same <see cref="Ready"/> is sent: a member that forgets its vote can elect two leaders.
/// </summary>
/// <param name="Term">The latest term this member has seen.</param>
/// <param name="Vote">Whom it voted for in that term, or <see cref="NodeId.None"/>.</param>
/// <param name="Commit">The highest index known to be committed. May be lost without harm: it is learnt again from the leader.</param>
public readonly record struct HardState(ulong Term, ulong Vote, ulong Commit);
