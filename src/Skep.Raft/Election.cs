namespace Skep.Raft;

/// <summary>Why and how a member stands.</summary>
internal enum ElectionKind
{
    /// <summary>Only asks whether it would win.</summary>
    PreVote,

    Vote,

    /// <summary>The leader asked it to: no pre-vote, and voters do not wait for the leader's lease to run out.</summary>
    Transfer,
}

/// <summary>One candidacy: the votes asked for and counted, up to its end.</summary>
internal sealed class Election(ElectionKind kind, ulong term)
{
    private readonly Dictionary<ulong, bool> _votes = [];

    public ElectionKind Kind { get; } = kind;

    public bool IsPreVote => Kind == ElectionKind.PreVote;

    /// <summary>The first word of each voter counts.</summary>
    public void Record(ulong voter, bool granted) => _votes.TryAdd(voter, granted);

    public ElectionResult Result(Membership membership) => Quorum.Count(membership.Voters, _votes);

    public bool IsAnswer(MessageType type) =>
        type == (IsPreVote ? MessageType.PreVoteResponse : MessageType.VoteResponse);

    public Message RequestTo(ulong voter, ulong self, RaftLog log) => new()
    {
        Type = IsPreVote ? MessageType.PreVote : MessageType.Vote,
        From = self,
        To = voter,
        Term = term,
        Index = log.LastIndex,
        LogTerm = log.LastTerm,
        ForcedByTransfer = Kind == ElectionKind.Transfer,
    };
}
