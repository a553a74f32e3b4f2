using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

public class TransferTests
{
    [Fact]
    public void The_leadership_passes_at_once_to_one_that_has_everything_lease_or_not()
    {
        var cluster = Cluster.Led(3);
        Assert.Equal(TransferStatus.Accepted, cluster[1].Node.TransferLeader(2));
        cluster.Settle();
        Assert.All(cluster.Members, m => Assert.Equal((2UL, 3UL), (m.LeaderId, m.Term)));
    }

    [Fact]
    public void A_follower_can_ask_for_it()
    {
        var cluster = Cluster.Led(3);
        Assert.Equal(TransferStatus.Accepted, cluster[3].Node.TransferLeader(3));
        cluster.Settle();
        Assert.Equal(Role.Leader, cluster[3].Role);
    }

    [Fact]
    public void One_that_is_behind_is_caught_up_first_and_nothing_is_proposed_meanwhile()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(3);
        cluster[1].Propose("a");
        cluster.Settle();
        cluster.Heal();
        cluster[1].Node.TransferLeader(3);
        Assert.Equal(3UL, cluster[1].Status.TransferTarget);
        Assert.Equal(ProposalStatus.TransferInProgress, cluster[1].Propose("b").Status);
        Assert.Equal(ProposalStatus.TransferInProgress, cluster[1].Node.ProposeConfChange(new ConfChange(ConfChangeKind.Remove, 2)).Status);
        cluster.Pass(1);
        Assert.Equal(Role.Leader, cluster[3].Role);
        Assert.Equal(["a"], cluster[3].Applied);
    }

    [Fact]
    public void It_is_given_up_after_the_election_ticks()
    {
        var cluster = Cluster.Led(3);
        cluster[3].Crash();
        cluster[1].Node.TransferLeader(3);
        cluster.Pass(9);
        Assert.Equal(ProposalStatus.TransferInProgress, cluster[1].Propose("a").Status);
        cluster.Pass(1);
        Assert.True(cluster[1].Propose("a").Accepted);
        Assert.Equal(NodeId.None, cluster[1].Status.TransferTarget);
    }

    [Fact]
    public void Another_target_takes_the_place_of_the_first()
    {
        var cluster = Cluster.Led(3);
        cluster[3].Crash();
        cluster[1].Node.TransferLeader(3);
        cluster[1].Node.TransferLeader(2);
        cluster.Settle();
        Assert.Equal(Role.Leader, cluster[2].Role);
    }

    [Fact]
    public void A_target_that_is_removed_ends_it()
    {
        var cluster = Cluster.Led(3);
        cluster[3].Crash();
        cluster[1].Node.ProposeConfChange(new ConfChange(ConfChangeKind.Remove, 3));
        cluster[1].Node.TransferLeader(3);
        cluster.Settle();
        Assert.Equal(NodeId.None, cluster[1].Status.TransferTarget);
    }

    [Fact]
    public void Who_cannot_lead_is_refused()
    {
        var cluster = Cluster.Led(2, learners: 1);
        Assert.Equal(TransferStatus.Invalid, cluster[1].Node.TransferLeader(1));
        Assert.Equal(TransferStatus.Invalid, cluster[1].Node.TransferLeader(3));
        Assert.Equal(TransferStatus.Invalid, cluster[1].Node.TransferLeader(9));
        Assert.Equal(TransferStatus.Invalid, cluster[2].Node.TransferLeader(1));
        cluster[2].Node.ForgetLeader();
        Assert.Equal(TransferStatus.NoLeader, cluster[2].Node.TransferLeader(2));
    }
}
