using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>
/// Who belongs to the group: etcd/raft's confchange_v1_add_single, confchange_v1_remove_leader(_stepdown) and, of
/// confchange_v2_*, what is not about joint consensus. Not applicable, since the core changes one member at a time and always
/// checks: add_double_*, add_single_explicit, replace_leader*, disable_validation.
/// </summary>
public class MembershipTests
{
    private static ConfChange AddVoter(ulong id) => new(ConfChangeKind.AddVoter, id);

    private static ConfChange AddLearner(ulong id) => new(ConfChangeKind.AddLearner, id);

    private static ConfChange Remove(ulong id) => new(ConfChangeKind.Remove, id);

    // confchange_v1_add_single, v2_add_single_auto
    [Fact]
    public void A_voter_that_joins_an_only_member_is_caught_up_from_nothing()
    {
        var cluster = Cluster.Led(1);
        cluster[1].Propose("a");
        var joiner = cluster.Add(2);
        Assert.True(cluster[1].Node.ProposeConfChange(AddVoter(2)).Accepted);
        cluster.Pass(2);
        Assert.All(cluster.Members, m => Assert.Equal(new Membership([1, 2]), m.Status.Membership));
        Assert.Equal(["a"], joiner.Applied);
        Assert.Equal(ProgressState.Replicate, cluster[1].Peer(2).State);

        // From now on both are needed.
        cluster.Isolate(2);
        cluster[1].Propose("b");
        cluster.Settle();
        Assert.Equal(["a"], cluster[1].Applied);
    }

    [Fact]
    public void A_newcomer_is_probed_at_once()
    {
        var cluster = Cluster.Led(1);
        cluster.Add(2);
        cluster[1].Node.ProposeConfChange(AddVoter(2));
        cluster.Settle();
        Assert.Equal(cluster[1].Status.LastIndex, cluster[1].Peer(2).Match);
    }

    [Fact]
    public void A_learner_can_be_added_promoted_and_removed()
    {
        var cluster = Cluster.Led(3);
        cluster.Add(4);
        foreach (var (change, expected) in new[]
        {
            (AddLearner(4), new Membership([1, 2, 3], [4])),
            (AddVoter(4), new Membership([1, 2, 3, 4])),
            (AddLearner(2), new Membership([1, 3, 4], [2])),
            (Remove(2), new Membership([1, 3, 4])),
        })
        {
            Assert.True(cluster[1].Node.ProposeConfChange(change).Accepted);
            cluster.Pass(2);
            Assert.All(cluster.Members.Where(m => expected.Contains(m.Id)), m => Assert.Equal(expected, m.Status.Membership));
            Assert.Equal(expected.Voters.Concat(expected.Learners).Order(), cluster[1].Status.Peers.Select(p => p.Id));
        }
        Assert.Equal(["4"], cluster[1].Status.Peers.Where(p => p.Id == 4).Select(p => $"{p.Id}"));
    }

    [Fact]
    public void The_snapshot_a_newcomer_gets_may_be_older_than_its_own_joining()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Settle();
        cluster[1].TakeSnapshot();
        cluster[1].Disk.Compact(cluster[1].Status.Applied);
        var joiner = cluster.Add(4);
        cluster[1].Node.ProposeConfChange(AddVoter(4));
        cluster.Pass(2);
        Assert.False(cluster[1].Disk.Snapshot.Membership.Contains(4));
        Assert.Equal(["a"], joiner.Applied);
        Assert.True(joiner.Status.Membership.IsVoter(4));
    }

    [Fact]
    public void A_second_change_is_refused_until_the_first_is_applied()
    {
        var cluster = Cluster.Led(3);
        Assert.True(cluster[1].Node.ProposeConfChange(Remove(3)).Accepted);
        Assert.Equal(ProposalStatus.ConfChangePending, cluster[1].Node.ProposeConfChange(AddVoter(3)).Status);
        // Ordinary proposals go on.
        Assert.True(cluster[1].Propose("a").Accepted);
        cluster.Settle();
        Assert.True(cluster[1].Node.ProposeConfChange(AddVoter(3)).Accepted);
    }

    [Fact]
    public void A_new_leader_takes_no_change_before_it_has_applied_what_it_found_in_its_log()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(1);
        cluster[2].Tick(10);
        cluster[3].Tick(10);
        cluster[2].Node.Campaign();
        cluster[3].Crash();
        cluster[3].Start();
        // Elected, but its first entry goes nowhere.
        cluster.Work(2);
        cluster.Deliver(3);
        cluster.Work(3);
        cluster.Deliver(2);
        cluster.Work(2);
        cluster.Deliver(3, MessageType.Vote);
        cluster.Work(3);
        cluster.Deliver(2, MessageType.VoteResponse);
        Assert.Equal(Role.Leader, cluster[2].Role);
        Assert.Equal(ProposalStatus.Accepted, cluster[2].Node.ProposeConfChange(AddLearner(5)).Status);
        Assert.Equal(ProposalStatus.ConfChangePending, cluster[2].Node.ProposeConfChange(AddLearner(6)).Status);
    }

    [Fact]
    public void Changes_that_cannot_be_made_are_refused()
    {
        var cluster = Cluster.Led(1, learners: 1);
        Assert.Equal(ProposalStatus.Invalid, cluster[1].Node.ProposeConfChange(Remove(1)).Status);
        Assert.Equal(ProposalStatus.Invalid, cluster[1].Node.ProposeConfChange(AddLearner(1)).Status);
        Assert.Equal(ProposalStatus.Invalid, cluster[1].Node.ProposeConfChange(AddVoter(NodeId.None)).Status);
        Assert.Equal(ProposalStatus.Invalid, cluster[1].Node.ProposeConfChange(new ConfChange((ConfChangeKind)9, 3)).Status);
        Assert.Equal(ProposalStatus.NotLeader, cluster[2].Node.ProposeConfChange(Remove(2)).Status);
    }

    // confchange_v1_remove_leader_stepdown (the core always steps down)
    [Fact]
    public void A_leader_that_is_removed_steps_down_and_the_others_go_on()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Node.ProposeConfChange(Remove(1));
        cluster[1].Propose("foo");
        cluster.Work(1);
        cluster.Deliver(2);
        cluster.Work(2);
        cluster[1].Propose("bar");
        cluster.Deliver(1);
        cluster.Work(1);

        Assert.Equal((Role.Follower, NodeId.None), (cluster[1].Role, cluster[1].LeaderId));
        Assert.Equal(["foo"], cluster[1].Applied);
        Assert.Equal(ProposalStatus.NotLeader, cluster[1].Propose("late").Status);
        cluster[1].Node.Campaign();
        cluster[1].Tick(100);
        Assert.Equal(Role.Follower, cluster[1].Role);

        // The news of the commit went out together with its end.
        cluster.Settle();
        Assert.All(cluster.Members, m => Assert.Equal(new Membership([2, 3]), m.Status.Membership));
        cluster.Pass(40);
        Assert.Contains(cluster.Leader!.Id, new ulong[] { 2, 3 });
        // 'bar' was on their disks already and is committed by the new leader.
        Assert.Equal(["foo", "bar"], cluster[2].Applied);
        Assert.Equal(cluster[2].Applied, cluster[3].Applied);
    }

    // confchange_v1_remove_leader: the leader may not count itself once it is out.
    [Fact]
    public void Fewer_voters_may_be_a_majority_at_once()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Node.ProposeConfChange(Remove(3));
        cluster.Work(1);
        cluster[1].Propose("a");
        cluster.Deliver(2);
        cluster.Work(2);
        cluster.Deliver(1);
        cluster.Work(1);
        Assert.Equal(new Membership([1, 2]), cluster[1].Status.Membership);
        cluster.Isolate(3);
        cluster.Settle();
        Assert.Equal(["a"], cluster[2].Applied);
    }

    [Fact]
    public void Who_is_removed_cannot_unseat_the_leader()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(3);
        cluster[1].Node.ProposeConfChange(Remove(3));
        cluster.Settle();
        cluster.Heal();
        cluster.Pass(100);
        Assert.Equal((Role.Leader, 2UL), (cluster[1].Role, cluster[1].Term));
        Assert.True(cluster[3].Status.Membership.IsVoter(3));
        var answer = new Message { Type = MessageType.AppendResponse, From = 3, To = 1, Term = 99 };
        Assert.Equal(StepResult.UnknownSender, cluster[1].Node.Step(answer));
        Assert.Equal(2UL, cluster[1].Term);
    }

    [Fact]
    public void A_change_being_applied_when_a_snapshot_comes_does_not_undo_later_ones()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Node.ProposeConfChange(Remove(3));
        cluster.Settle(1, 2);
        cluster.Deliver(3);
        cluster.Work(2);
        // 3 has the removal in hand, not yet applied, when it learns that it was added again since.
        cluster[3].Node.Step(new Message { Type = MessageType.Heartbeat, From = 1, To = 3, Term = 2, Commit = 2 });
        var ready = cluster[3].Begin();
        cluster[3].Finish();
        cluster[3].Node.Step(new Message { Type = MessageType.Append, From = 1, To = 3, Term = 2, Index = 3, LogTerm = 2, Commit = 3 });
        ready = cluster[3].Begin();
        Assert.Equal(EntryKind.ConfChange, Assert.Single(ready.CommittedEntries).Kind);
        var later = new SnapshotMetadata(9, 2, new Membership([1, 2, 3], [4]));
        cluster[3].Node.Step(new Message { Type = MessageType.Snapshot, From = 1, To = 3, Term = 2, Snapshot = later });
        cluster[3].Finish();
        Assert.Equal(new Membership([1, 2]), cluster[3].Node.Membership);
        cluster[3].Node.Advance(cluster[3].Node.GetReady());
        Assert.Equal(later.Membership, cluster[3].Node.Membership);
    }

    [Fact]
    public void A_change_survives_its_bytes()
    {
        var change = new ConfChange(ConfChangeKind.AddLearner, 0xFEDCBA9876543210, "10.0.0.1:2377"u8.ToArray());
        Assert.Equal(change, ConfChange.Decode(change.Encode()));
        Assert.Throws<FormatException>(() => ConfChange.Decode(new byte[8]));
        Assert.Throws<FormatException>(() => ConfChange.Decode(new byte[9]));
    }

    [Fact]
    public void Memberships_are_sorted_and_compare_by_content()
    {
        Assert.Equal(new Membership([3, 1, 2], [9, 8]), new Membership([1, 2, 3, 3], [8, 9]));
        Assert.NotEqual(new Membership([1, 2], [3]), new Membership([1, 2, 3]));
        Assert.Equal([1UL, 2UL, 3UL], new Membership([3, 1, 2]).Voters);
        Assert.Throws<ArgumentException>(() => new Membership([1], [1]));
        Assert.Throws<ArgumentException>(() => new Membership([0]));
    }
}
