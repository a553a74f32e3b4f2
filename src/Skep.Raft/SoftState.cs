namespace Skep.Raft;

/// <summary>What a member is in its present term.</summary>
public enum Role : byte
{
    /// <summary>Follows a leader, or waits for one.</summary>
    Follower,

    /// <summary>Asks whether it could win an election, without disturbing the term (Raft thesis, 9.6).</summary>
    PreCandidate,

    /// <summary>Asks for votes in a term of its own.</summary>
    Candidate,

    /// <summary>Orders the log of its term.</summary>
    Leader,
}

/// <summary>Who leads and what we are: for the application to know, not to be persisted.</summary>
/// <param name="LeaderId">The leader of the present term as far as known, or <see cref="NodeId.None"/>.</param>
/// <param name="Role">Our own role.</param>
public readonly record struct SoftState(ulong LeaderId, Role Role);
