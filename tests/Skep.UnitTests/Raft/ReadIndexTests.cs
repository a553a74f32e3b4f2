using System.Text;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>Reads that see everything committed before they were asked for. There are no lease-based reads (forget_leader_read_only_lease_based).</summary>
public class ReadIndexTests
{
    private static byte[] Context(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadState read) => $"{Encoding.UTF8.GetString(read.Context.Span)}@{read.Index}";

    [Fact]
    public void A_single_member_answers_at_once()
    {
        var cluster = Cluster.Led(1);
        Assert.Equal(ReadIndexStatus.Accepted, cluster[1].Node.ReadIndex(Context("r")));
        cluster[1].HandleReady();
        Assert.Equal(["r@2"], cluster[1].Reads.Select(Text));
    }

    [Fact]
    public void A_leader_answers_after_a_majority_has_confirmed_it()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Node.ReadIndex(Context("r"));
        cluster.Work(1);
        Assert.Empty(cluster[1].Reads);
        // Committed later, so the read need not see it; its index stays.
        cluster[1].Propose("a");
        cluster.Settle();
        Assert.Equal(["r@2"], cluster[1].Reads.Select(Text));
    }

    [Fact]
    public void A_follower_and_a_learner_ask_the_leader()
    {
        var cluster = Cluster.Led(3, learners: 1);
        foreach (var id in new ulong[] { 2, 4 })
        {
            Assert.Equal(ReadIndexStatus.Accepted, cluster[id].Node.ReadIndex(Context($"r{id}")));
            cluster.Settle();
            Assert.Equal([$"r{id}@2"], cluster[id].Reads.Select(Text));
        }
        Assert.Empty(cluster[1].Reads);
    }

    [Fact]
    public void Any_number_of_reads_share_one_round_of_heartbeats()
    {
        var cluster = Cluster.Led(3);
        for (var i = 0; i < 100; i++)
            cluster[1].Node.ReadIndex(Context($"{i}"));
        cluster.Work(1);
        Assert.Equal(2, cluster.Wire.Count(m => m.Type == MessageType.Heartbeat));
        cluster.Settle();
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}@2"), cluster[1].Reads.Select(Text));
    }

    [Fact]
    public void An_answer_to_an_earlier_heartbeat_confirms_nothing_later()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Node.ReadIndex(Context("first"));
        cluster.Work(1);
        cluster[1].Node.ReadIndex(Context("second"));
        cluster.Deliver(2);
        cluster.Work(2);
        cluster.Deliver(1);
        // The second's own heartbeats are not answered.
        cluster[1].HandleAll();
        Assert.Equal(["first@2"], cluster[1].Reads.Select(Text));
    }

    [Fact]
    public void A_leader_cut_off_answers_no_read_though_it_still_believes_to_lead()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(1);
        cluster[2].Tick(10);
        cluster[3].Tick(10);
        cluster.Elect(2);
        cluster[2].Propose("a");
        cluster.Settle();
        Assert.Equal(Role.Leader, cluster[1].Role);
        cluster[1].Node.ReadIndex(Context("stale"));
        cluster.Settle();
        cluster.Heal();
        cluster.Pass(5);
        Assert.Empty(cluster[1].Reads);
    }

    [Fact]
    public void A_new_leader_answers_only_when_it_knows_what_is_committed()
    {
        var cluster = Cluster.Led(1);
        cluster[1].Propose("a");
        cluster.Settle();
        // The commit was not synced; after the restart the member does not know of it.
        cluster[1].Disk.Persist(new Ready { HardState = new HardState(2, 1, 2) });
        cluster[1].Crash();
        cluster[1].Start();
        cluster[1].Node.Campaign();
        while (cluster[1].Role != Role.Leader)
            cluster[1].HandleReady();
        Assert.Equal(2UL, cluster[1].Commit);
        cluster[1].Node.ReadIndex(Context("r"));
        cluster[1].HandleAll();
        Assert.Equal(["r@4"], cluster[1].Reads.Select(Text));
    }

    [Fact]
    public void Reads_wait_in_bounded_number_and_need_a_leader()
    {
        var cluster = Cluster.Led(3, adjust: c => c with { MaxPendingReads = 2 });
        Assert.Equal(ReadIndexStatus.Accepted, cluster[1].Node.ReadIndex(Context("1")));
        Assert.Equal(ReadIndexStatus.Accepted, cluster[1].Node.ReadIndex(Context("2")));
        Assert.Equal(ReadIndexStatus.TooManyPending, cluster[1].Node.ReadIndex(Context("3")));
        cluster[2].Node.ForgetLeader();
        Assert.Equal(ReadIndexStatus.NoLeader, cluster[2].Node.ReadIndex(Context("4")));
    }

    [Fact]
    public void When_the_leader_is_the_only_voter_left_its_reads_are_answered()
    {
        var cluster = Cluster.Led(2);
        cluster[1].Node.ProposeConfChange(new ConfChange(ConfChangeKind.Remove, 2));
        cluster.Work(1);
        cluster.Deliver(2);
        cluster.Work(2);
        cluster[1].Node.ReadIndex(Context("r"));
        cluster.Deliver(1, MessageType.AppendResponse);
        cluster[1].HandleAll();
        Assert.Equal(["r@2"], cluster[1].Reads.Select(Text));
    }
}
