using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>Who may lead and who gives a vote: etcd/raft's campaign, prevote*, checkquorum, forget_leader*, campaign_learner_must_vote.</summary>
public class ElectionTests
{
    private static RaftConfig WithoutPreVote(RaftConfig config) => config with { PreVote = false, CheckQuorum = false };

    [Fact]
    public void A_candidate_with_a_majority_leads_and_begins_its_term_with_an_empty_entry()
    {
        var cluster = Cluster.Of(3);
        cluster.Elect(1);

        Assert.Equal(2UL, cluster[1].Term);
        Assert.All(cluster.Members, m => Assert.Equal((1UL, 2UL, 2UL), (m.LeaderId, m.Term, m.Commit)));
        Assert.All(cluster.Members, m => Assert.Equal(new Entry(2, 2, EntryKind.Normal, default), Assert.Single(m.HandedOut)));
    }

    [Fact]
    public void A_single_voter_elects_itself_once_its_vote_is_on_its_disk()
    {
        var member = Cluster.Of(1)[1];
        member.Node.Campaign();
        Assert.Equal(Role.Candidate, member.Role);

        var ready = member.Begin();
        Assert.Equal(new HardState(2, 1, 1), ready.HardState);
        Assert.True(ready.MustSync);
        Assert.Equal(Role.Candidate, member.Role);
        member.Finish();
        Assert.Equal(Role.Leader, member.Role);
    }

    [Fact]
    public void Without_a_word_from_a_leader_someone_stands_within_twice_the_election_ticks()
    {
        var cluster = Cluster.Of(3);
        cluster.Pass(9);
        Assert.Null(cluster.Leader);
        cluster.Pass(30);
        Assert.NotNull(cluster.Leader);
    }

    [Fact]
    public void Members_with_the_same_seed_still_draw_different_time_outs_and_the_same_member_the_same()
    {
        static int TicksUntilItStands(ulong id, int seed)
        {
            var node = new RawNode(new RaftConfig { Id = id, Seed = seed, ElectionTicks = 1000 }, MemoryLog.Bootstrap(1, 2, 3));
            for (var ticks = 1; ; ticks++)
            {
                node.Tick();
                if (node.Status.SoftState.Role != Role.Follower)
                    return ticks;
            }
        }

        ulong[] ids = [1, 2, 3];
        Assert.Equal(3, ids.Select(id => TicksUntilItStands(id, 5)).Distinct().Count());
        Assert.All(ids, id => Assert.Equal(TicksUntilItStands(id, 5), TicksUntilItStands(id, 5)));
        Assert.All(ids, id => Assert.InRange(TicksUntilItStands(id, 5), 1000, 1999));
    }

    [Fact]
    public void A_member_votes_once_in_a_term_also_over_a_restart()
    {
        var cluster = Cluster.Of(3, adjust: WithoutPreVote);
        cluster[1].Node.Campaign();
        cluster[3].Node.Campaign();
        cluster.Work(1, 3);

        cluster.Deliver(2, MessageType.Vote);
        cluster.Work(2);
        var votes = cluster.Wire.Where(m => m.From == 2).ToArray();
        Assert.Equal([false, true], votes.Select(m => m.Reject));

        cluster[2].Crash();
        cluster[2].Start();
        cluster.Deliver(new Message { Type = MessageType.Vote, From = 3, To = 2, Term = 2, Index = 1, LogTerm = 1 });
        Assert.True(Assert.Single(cluster[2].HandleAll()).Reject);
        cluster.Deliver(new Message { Type = MessageType.Vote, From = 1, To = 2, Term = 2, Index = 1, LogTerm = 1 });
        Assert.False(Assert.Single(cluster[2].HandleAll()).Reject);
    }

    [Fact]
    public void Nobody_votes_for_a_log_that_ends_before_its_own()
    {
        var cluster = Cluster.Led(3, adjust: WithoutPreVote);
        cluster.Isolate(3);
        cluster[1].Propose("a");
        cluster.Settle();
        cluster.Heal();

        cluster[3].Node.Campaign();
        cluster.Settle();
        Assert.NotEqual(Role.Leader, cluster[3].Role);
        // Its higher term has unseated the leader all the same; that is what pre-vote is for.
        Assert.Null(cluster.Leader);
        cluster.Elect(2);
        Assert.Equal(["a"], cluster[3].Applied);
    }

    // prevote
    [Fact]
    public void Pre_vote_keeps_a_member_that_is_behind_from_disturbing_the_term()
    {
        var cluster = Cluster.Led(3, adjust: c => c with { CheckQuorum = false });
        cluster.Isolate(3);
        cluster[1].Propose("a");
        cluster.Settle();
        cluster.Heal();

        cluster[3].Node.Campaign();
        Assert.Equal(Role.PreCandidate, cluster[3].Role);
        cluster.Settle();
        Assert.Equal((Role.Follower, 2UL), (cluster[3].Role, cluster[3].Term));
        Assert.Equal(Role.Leader, cluster[1].Role);

        // Without check-quorum one that has everything may win over a leader that is alive.
        cluster.Elect(2);
        Assert.Equal(3UL, cluster[2].Term);
    }

    // prevote_checkquorum
    [Fact]
    public void With_check_quorum_no_pre_vote_is_given_while_a_leader_is_heard()
    {
        var cluster = Cluster.Led(3);
        cluster[2].Node.Campaign();
        cluster.Settle();
        Assert.Equal((Role.PreCandidate, 2UL), (cluster[2].Role, cluster[2].Term));
        Assert.Equal(Role.Leader, cluster[1].Role);

        // The leader's next heartbeat takes it back.
        cluster.Pass(1);
        Assert.Equal((Role.Follower, 1UL), (cluster[2].Role, cluster[2].LeaderId));

        // Once 2 has not heard of the leader for the election ticks (one fewer than its own time-out), it gives 3 its vote.
        cluster.Isolate(1);
        cluster[2].Tick(10);
        cluster.Elect(3);
    }

    [Fact]
    public void Two_of_three_that_both_doubt_the_leader_can_replace_it()
    {
        var cluster = Cluster.Led(3);
        cluster[2].Node.Campaign();
        cluster.Settle();
        cluster.Elect(3);
        Assert.Equal((Role.Follower, 3UL), (cluster[1].Role, cluster[1].LeaderId));
    }

    // checkquorum
    [Fact]
    public void A_leader_that_hears_from_no_majority_steps_down()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(1);
        // Its followers were heard from in the first interval; in the second they are not.
        cluster[1].Tick(10);
        Assert.Equal(Role.Leader, cluster[1].Role);
        cluster[1].Tick(10);
        Assert.Equal((Role.Follower, NodeId.None), (cluster[1].Role, cluster[1].LeaderId));
    }

    [Fact]
    public void A_leader_in_touch_with_a_majority_stays()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(3);
        for (var i = 0; i < 50; i++)
        {
            cluster[1].Tick();
            cluster[2].Tick();
            cluster.Settle(1, 2);
        }
        Assert.Equal((Role.Leader, 2UL), (cluster[1].Role, cluster[1].Term));
    }

    [Fact]
    public void A_member_whose_term_ran_ahead_while_cut_off_is_brought_back()
    {
        // Check-quorum alone: the lone member raises its term, and its requests are ignored by those who hear from the leader.
        var cluster = Cluster.Led(3, adjust: c => c with { PreVote = false });
        cluster.Isolate(3);
        cluster[3].Tick(60);
        cluster[3].HandleAll();
        Assert.True(cluster[3].Term > 2);
        cluster.Heal();

        cluster.Pass(60);
        var leader = cluster.Leader!;
        Assert.All(cluster.Members, m => Assert.Equal((leader.Id, leader.Term), (m.LeaderId, m.Term)));
    }

    [Fact]
    public void A_member_cut_off_and_back_disturbs_nobody()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(3);
        cluster.Pass(50);
        Assert.Equal(Role.PreCandidate, cluster[3].Role);
        cluster.Heal();
        cluster.Pass(5);
        Assert.All(cluster.Members, m => Assert.Equal((1UL, 2UL), (m.LeaderId, m.Term)));
    }

    // forget_leader
    [Fact]
    public void A_follower_can_forget_its_leader_until_it_hears_of_it_again()
    {
        var cluster = Cluster.Led(3, learners: 1);
        cluster[1].Node.ForgetLeader();
        Assert.Equal((Role.Leader, 1UL), (cluster[1].Role, cluster[1].LeaderId));
        foreach (var id in new ulong[] { 2, 4 })
        {
            cluster[id].Node.ForgetLeader();
            Assert.Equal((Role.Follower, NodeId.None, 2UL), (cluster[id].Role, cluster[id].LeaderId, cluster[id].Term));
        }
        cluster.Pass(1);
        Assert.All(cluster.Members, m => Assert.Equal(1UL, m.LeaderId));
    }

    [Fact]
    public void Followers_whose_connection_to_the_leader_broke_do_not_wait_for_its_silence()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Crash();
        cluster[2].Node.ReportUnreachable(1);
        cluster[3].Node.ReportUnreachable(1);
        cluster.Pass(6);
        Assert.NotNull(cluster.Leader);
        Assert.NotEqual(1UL, cluster.Leader.Id);
    }

    // The other one's log is behind, so only the first can win; but it asked while the other still trusted the leader.
    [Fact]
    public void Who_asked_before_others_noticed_that_the_leader_died_asks_again_soon()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Work(1);
        cluster.Drop(3);
        cluster.Settle(1, 2);
        cluster[1].Crash();
        cluster[2].Node.ReportUnreachable(1);
        cluster.Pass(5);
        Assert.Equal(Role.PreCandidate, cluster[2].Role);
        cluster[3].Node.ReportUnreachable(1);
        cluster.Pass(6);
        Assert.Equal(2UL, cluster.Leader?.Id);
    }

    [Fact]
    public void A_connection_that_breaks_while_the_leader_lives_changes_nothing()
    {
        var cluster = Cluster.Led(3);
        for (var i = 0; i < 20; i++)
        {
            cluster[2].Node.ReportUnreachable(1);
            cluster.Pass(1);
        }
        Assert.All(cluster.Members, m => Assert.Equal((1UL, 2UL), (m.LeaderId, m.Term)));
    }

    [Fact]
    public void One_that_alone_lost_the_leader_gets_no_pre_vote_from_those_who_hear_it()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(2);
        cluster[2].Node.ReportUnreachable(1);
        cluster.Pass(5);
        Assert.Equal(Role.PreCandidate, cluster[2].Role);
        cluster.Heal();
        cluster.Pass(5);
        Assert.All(cluster.Members, m => Assert.Equal((1UL, 2UL), (m.LeaderId, m.Term)));
    }

    [Fact]
    public void To_forget_the_leader_does_not_put_off_the_election()
    {
        var patient = Cluster.Led(3);
        var forgetful = Cluster.Led(3);
        var ticks = 0;
        while (patient[2].Role == Role.Follower)
        {
            patient[2].Tick();
            ticks++;
        }
        forgetful[2].Tick(ticks - 1);
        forgetful[2].Node.ForgetLeader();
        Assert.Equal(Role.Follower, forgetful[2].Role);
        forgetful[2].Tick();
        Assert.Equal(Role.PreCandidate, forgetful[2].Role);
    }

    // forget_leader_prevote_checkquorum
    [Fact]
    public void One_that_forgot_the_leader_gives_its_vote_but_not_to_a_log_behind_its_own()
    {
        var cluster = Cluster.Led(3);
        cluster[2].Node.ForgetLeader();
        cluster.Elect(3);

        cluster.Isolate(1);
        cluster[3].Propose("a");
        cluster.Settle();
        cluster.Heal();
        cluster[2].Node.ForgetLeader();
        cluster[1].Node.Campaign();
        cluster.Settle();
        Assert.NotEqual(Role.Leader, cluster[1].Role);
        Assert.Equal(Role.Leader, cluster[3].Role);
    }

    // campaign_learner_must_vote
    [Fact]
    public void A_learner_that_does_not_know_of_its_promotion_votes()
    {
        var cluster = Cluster.Led(2, learners: 1);
        cluster.Isolate(3);
        cluster[1].Node.ProposeConfChange(new ConfChange(ConfChangeKind.AddVoter, 3));
        cluster.Settle(1, 2);
        Assert.True(cluster[2].Status.Membership.IsVoter(3));
        Assert.True(cluster[3].Status.Membership.IsLearner(3));

        cluster.Heal();
        cluster[1].Crash();
        cluster[2].Tick(10);
        cluster[3].Tick(10);
        cluster.Elect(2);
        Assert.True(cluster[3].Status.Membership.IsVoter(3));
    }

    [Fact]
    public void Who_is_no_voter_never_stands()
    {
        var cluster = Cluster.Of(1, learners: 1);
        var stranger = cluster.Add(9);
        foreach (var member in new[] { cluster[2], stranger })
        {
            member.Node.Campaign();
            member.Tick(100);
            Assert.Equal(Role.Follower, member.Role);
            Assert.False(member.Node.HasReady);
        }
    }

    [Fact]
    public void Nobody_stands_before_it_has_applied_a_committed_membership_change()
    {
        var cluster = Cluster.Led(1);
        cluster[1].Node.ProposeConfChange(new ConfChange(ConfChangeKind.AddVoter, 2));
        cluster.Settle();
        cluster[1].Crash();
        cluster[1].Start();

        cluster[1].Node.Campaign();
        Assert.Equal(Role.Follower, cluster[1].Role);
        cluster.Work(1);
        cluster[1].Node.Campaign();
        Assert.Equal(Role.PreCandidate, cluster[1].Role);
    }

    [Fact]
    public void After_a_restart_a_term_seen_only_in_the_log_is_taken_up()
    {
        var disk = MemoryLog.Bootstrap(1, 2, 3);
        disk.Append([new Entry(5, 2, EntryKind.Normal, default)]);
        var node = new RawNode(new RaftConfig { Id = 1 }, disk);
        Assert.Equal(new HardState(5, NodeId.None, 1), node.Status.HardState);
        Assert.True(node.GetReady().MustSync);
    }
}
