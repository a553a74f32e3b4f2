namespace Skep.Raft;

/// <summary>
/// What a member is at a moment, whatever its role, and the rules that hold in every role: terms, votes, and who becomes what.
/// What belongs to one role only lives in <see cref="Follower"/>, <see cref="Election"/> and <see cref="Leader"/>, and goes with it.
/// </summary>
internal sealed class RaftCore
{
    /// <summary>Spread over so many ticks, those who lost the same leader rarely stand at the same moment.</summary>
    private const int LostConnectionTicks = 4;

    private readonly ElectionTimer _timer;
    private readonly Follower _follower;

    // The connection to the last leader broke, and none was heard of since. Others may not have noticed yet and leave our pre-vote unanswered, so we ask time and
    // again: it promises nothing, and an answer to any of them counts. A vote has its whole time, or its answers would come too late over slow links.
    private bool _lostLeader;

    public RaftCore(RaftConfig config, RaftLog log, HardState hardState, Membership membership)
    {
        Config = config;
        Log = log;
        Membership = membership;
        (Term, Vote) = (hardState.Term, hardState.Vote);
        // Entries are written before the hard state. If only they survived a crash, we never said so to anybody: take up their term.
        if (log.LastTerm > Term)
            (Term, Vote) = (log.LastTerm, NodeId.None);
        _timer = new ElectionTimer(config);
        _follower = new Follower(this);
    }

    public RaftConfig Config { get; }

    public ulong Id => Config.Id;

    public RaftLog Log { get; }

    public Membership Membership { get; private set; }

    public ulong Term { get; private set; }

    public ulong Vote { get; private set; }

    public ulong LeaderId { get; private set; }

    public Role Role { get; private set; }

    /// <summary>Set while we stand for election.</summary>
    public Election? Election { get; private set; }

    /// <summary>Set while we lead.</summary>
    public Leader? Leader { get; private set; }

    public Outbox Outbox { get; } = new();

    public HardState HardState => new(Term, Vote, Log.Committed);

    public SoftState SoftState => new(LeaderId, Role);

    public void Tick()
    {
        _timer.Tick();
        if (Leader is not null)
        {
            TickLeader(Leader);
        }
        else if (_timer.Expired && MayLead)
        {
            _timer.Restart();
            if (_lostLeader)
                _timer.Hurry(LostConnectionTicks);
            Campaign();
        }
    }

    /// <summary>Stands for election, if we may and do not lead already.</summary>
    public void Campaign() => Stand(Config.PreVote ? ElectionKind.PreVote : ElectionKind.Vote);

    /// <summary>
    /// The connection to the leader broke, so it may be dead: not to wait for its silence to last. With pre-votes a false alarm does no harm: whoever
    /// still hears the leader refuses them, and its next heartbeat ends the matter. Without them it would unseat a leader that lives.
    /// </summary>
    public void LostConnection(ulong id)
    {
        if (Role != Role.Follower || LeaderId != id || !Config.PreVote)
            return;
        LeaderId = NodeId.None;
        _lostLeader = true;
        _timer.Hurry(LostConnectionTicks);
    }

    public void ForgetLeader()
    {
        if (Role == Role.Follower)
            LeaderId = NodeId.None;
    }

    public StepResult Step(Message message)
    {
        if (!MessageRules.IsWellFormed(message, Id))
            return StepResult.Malformed;
        if (MessageRules.IsAnswer(message.Type) && !Membership.Contains(message.From))
            return StepResult.UnknownSender;

        if (message.Term < Term)
        {
            AnswerOldTerm(message);
            return StepResult.Handled;
        }
        if (message.Term > Term && !FollowNewTerm(message))
            return StepResult.Handled;
        return Take(message);
    }

    /// <summary>
    /// Takes over the membership of a change that is applied or a snapshot that is installed. Not before: what we hold for the
    /// membership always belongs to the state the application has.
    /// </summary>
    public void SwitchMembership(Membership membership)
    {
        Membership = membership;
        if (Leader is null)
            return;
        // A leader that is no voter any more must not go on: it would count a majority it does not belong to.
        if (membership.IsVoter(Id))
            Leader.MembershipChanged();
        else
            BecomeFollower(Term, NodeId.None);
    }

    /// <summary>Our own vote is on our disk: only now may we count it.</summary>
    public void OwnVotePersisted(Election election)
    {
        if (election == Election)
            CountVote(Id, granted: true);
    }

    /// <summary>A transfer has one full time-out to succeed.</summary>
    public void TransferStarted() => _timer.Restart();

    public void Send(Message message) => Outbox.Messages.Add(message);

    public void BecomeFollower(ulong term, ulong leader)
    {
        if (term != Term)
            (Term, Vote) = (term, NodeId.None);
        (Role, LeaderId, Leader, Election) = (Role.Follower, leader, null, null);
        _timer.Reset();
    }

    // Whose membership is known to us to have us as a voter, and whose state is complete.
    private bool MayLead => Membership.IsVoter(Id) && !Log.HasPendingSnapshot;

    private void TickLeader(Leader leader)
    {
        if (_timer.MinimumPassed)
        {
            _timer.Restart();
            leader.GiveUpTransfer();
            if (Config.CheckQuorum && !leader.CheckQuorum())
            {
                BecomeFollower(Term, NodeId.None);
                return;
            }
        }
        leader.Tick();
    }

    private void Stand(ElectionKind kind)
    {
        if (Role == Role.Leader || !MayLead || Log.HasUnappliedConfChange(Config.MaxCommittedBytes))
            return;
        if (kind == ElectionKind.PreVote)
        {
            // Asking changes nothing but our own mind: the term stays, the vote stays.
            (Role, LeaderId, Election) = (Role.PreCandidate, NodeId.None, new Election(kind, Term + 1));
        }
        else
        {
            (Term, Vote) = (Term + 1, Id);
            (Role, LeaderId, Election) = (Role.Candidate, NodeId.None, new Election(kind, Term));
            _timer.Reset();
        }
        foreach (var voter in Membership.Voters.Where(id => id != Id))
            Send(Election.RequestTo(voter, Id, Log));
        // A pre-vote promises nothing, so it need not be on the disk.
        if (Election.IsPreVote)
            CountVote(Id, granted: true);
    }

    private void CountVote(ulong voter, bool granted)
    {
        if (Election is not { } election)
            return;
        election.Record(voter, granted);
        switch (election.Result(Membership))
        {
            case ElectionResult.Won when election.IsPreVote:
                Stand(ElectionKind.Vote);
                break;
            case ElectionResult.Won:
                BecomeLeader();
                break;
            case ElectionResult.Lost:
                BecomeFollower(Term, NodeId.None);
                break;
        }
    }

    private void BecomeLeader()
    {
        (Role, LeaderId, Election, _lostLeader) = (Role.Leader, Id, null, false);
        _timer.Reset();
        Leader = new Leader(this);
        Leader.BeginTerm();
    }

    // False if the message is to be ignored.
    private bool FollowNewTerm(Message message)
    {
        var isRequest = message.Type is MessageType.Vote or MessageType.PreVote;
        // While we hear from a leader nobody else gets our vote, nor moves our term: a removed member, or one that was cut off
        // and comes back, must not unseat it. The leader hears from itself.
        var inLease = Config.CheckQuorum && LeaderId != NodeId.None && !_timer.MinimumPassed;
        if (isRequest && inLease && !message.ForcedByTransfer)
            return false;

        // A pre-vote asks about a term that does not exist yet, and a granted one answers in it: neither is a reason to enter it.
        if (message.Type == MessageType.PreVote || (message.Type == MessageType.PreVoteResponse && !message.Reject))
            return true;
        BecomeFollower(message.Term, MessageRules.IsFromLeader(message.Type) ? message.From : NodeId.None);
        return true;
    }

    private void AnswerOldTerm(Message message)
    {
        // We are ahead, by elections that we lost while cut off. Under pre-vote or check-quorum our requests for votes do not move
        // the leader's term any more, so tell it with an answer, or we would never follow it again.
        if (message.Type is MessageType.Append or MessageType.Heartbeat && (Config.CheckQuorum || Config.PreVote))
            Send(new Message { Type = MessageType.AppendResponse, From = Id, To = message.From, Term = Term });
        // The same for one who asks in an old term: without an answer it would ask for ever.
        else if (message.Type == MessageType.PreVote)
            Send(new Message { Type = MessageType.PreVoteResponse, From = Id, To = message.From, Term = Term, Reject = true });
    }

    private StepResult Take(Message message)
    {
        switch (message.Type)
        {
            case MessageType.Vote or MessageType.PreVote:
                AnswerVote(message);
                break;
            case MessageType.VoteResponse or MessageType.PreVoteResponse:
                if (Election?.IsAnswer(message.Type) == true)
                    CountVote(message.From, !message.Reject);
                break;
            case MessageType.Append or MessageType.Heartbeat or MessageType.Snapshot:
                Follow(message.From);
                _follower.Take(message);
                break;
            case MessageType.TimeoutNow:
                if (Role == Role.Follower)
                    Stand(ElectionKind.Transfer);
                break;
            case MessageType.ReadIndexResponse:
                if (message.From == LeaderId)
                    Outbox.ReadStates.Add(new ReadState(message.Index, message.Context));
                break;
            default:
                return Leader?.Take(message) ?? StepResult.Handled;
        }
        return StepResult.Handled;
    }

    private void Follow(ulong leader)
    {
        if (Role == Role.Leader || (LeaderId != NodeId.None && LeaderId != leader))
            throw new RaftException($"two leaders in term {Term}: {LeaderId} and {leader}");
        _lostLeader = false;
        if (Role == Role.Follower)
        {
            LeaderId = leader;
            _timer.Restart();
        }
        else
        {
            BecomeFollower(Term, leader);
        }
    }

    // Learners vote too: one that was promoted may be the last to hear of it, and without its vote the group could stand still.
    private void AnswerVote(Message message)
    {
        var isVote = message.Type == MessageType.Vote;
        var free = Vote == message.From
            || (Vote == NodeId.None && LeaderId == NodeId.None)
            || (!isVote && message.Term > Term);
        var granted = free && Log.IsUpToDate(message.LogTerm, message.Index);
        Send(new Message
        {
            Type = isVote ? MessageType.VoteResponse : MessageType.PreVoteResponse,
            From = Id,
            To = message.From,
            // A granted pre-vote answers in the term asked about, or the asker would take it for an old one.
            Term = granted ? message.Term : Term,
            Reject = !granted,
        });
        if (granted && isVote)
        {
            Vote = message.From;
            _timer.Restart();
        }
    }
}
