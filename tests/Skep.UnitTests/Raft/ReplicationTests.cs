using System.Text;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>
/// How entries get to the others: etcd/raft's single_node, probe_and_replicate, replicate_pause, lagging_commit,
/// heartbeat_resp_recovers_from_probing. Its async_storage_writes* are about an interface we do not have; what they guard
/// (the log cut while it is being written) is in <see cref="ReadyTests"/>.
/// </summary>
public class ReplicationTests
{
    // single_node
    [Fact]
    public void A_single_member_commits_as_soon_as_its_entries_are_persisted()
    {
        var member = Cluster.Led(1)[1];
        var proposal = member.Propose("a");
        Assert.Equal(new Proposal(ProposalStatus.Accepted, 2, 3), proposal);

        var ready = member.Begin();
        Assert.Equal(3UL, Assert.Single(ready.Entries).Index);
        Assert.Empty(ready.CommittedEntries);
        Assert.Equal(2UL, member.Commit);
        member.Finish();
        Assert.Equal(3UL, member.Commit);
        Assert.Equal("a", Encoding.UTF8.GetString(Assert.Single(member.Begin().CommittedEntries).Data.Span));
        member.Finish();
        Assert.Equal(3UL, member.Status.Applied);
    }

    [Fact]
    public void What_is_proposed_between_two_Readys_travels_in_one_append()
    {
        var cluster = Cluster.Led(3);
        for (var i = 0; i < 100; i++)
            cluster[1].Propose($"{i}");
        cluster.Work(1);
        Assert.Equal([100, 100], cluster.Wire.Select(m => m.Entries.Count));
        cluster.Settle();
        Assert.All(cluster.Members, m => Assert.Equal(100, m.Applied.Count));
        Assert.Equal(cluster[1].Applied, cluster[3].Applied);
    }

    [Fact]
    public void Appends_are_cut_by_bytes()
    {
        var cluster = Cluster.Led(2, adjust: c => c with { MaxMessageBytes = 2 * (Entry.Overhead + 10) });
        for (var i = 0; i < 5; i++)
            cluster[1].Propose("0123456789");
        cluster[1].Propose(new string('x', 5000));
        cluster.Work(1);
        Assert.Equal([2, 2, 1, 1], cluster.Wire.Select(m => m.Entries.Count));
        cluster.Settle();
        Assert.Equal(6, cluster[2].Applied.Count);
    }

    [Fact]
    public void A_follower_that_misses_an_append_is_sent_it_again()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Work(1);
        cluster.Drop(3);
        // The news of the commit shows the gap.
        cluster.Settle();
        Assert.Equal(["a"], cluster[3].Applied);

        // Where no news follows, a heartbeat does.
        cluster[1].Propose("b");
        cluster.Work(1);
        cluster.Drop(2);
        cluster.Drop(3);
        cluster.Settle();
        Assert.Equal(["a"], cluster[1].Applied);
        cluster.Pass(1);
        Assert.All(cluster.Members, m => Assert.Equal(["a", "b"], m.Applied));
    }

    [Fact]
    public void An_append_that_was_overtaken_takes_nothing_away()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Work(1);
        var early = cluster.Wire.Single(m => m.To == 2);
        cluster[1].Propose("b");
        cluster.Work(1);
        cluster.Deliver(2);
        cluster.Work(2);
        cluster.Deliver(early);
        cluster.Work(2);
        Assert.Equal(4UL, cluster[2].Disk.LastIndex);
        cluster.Settle();
        Assert.Equal(["a", "b"], cluster[2].Applied);
    }

    // probe_and_replicate: the seven logs of figure 7 of the Raft paper, the fifth with a longer tail, after entry 1 of term 1.
    [Fact]
    public void A_new_leader_brings_every_kind_of_log_into_step()
    {
        ulong[][] logs =
        [
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6],
            [1, 1, 1, 4],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 7, 7, 7, 7],
            [1, 1, 1, 4, 4, 4, 4],
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
        ];
        var cluster = Cluster.Of(0, adjust: c => c with { PreVote = false });
        for (var i = 0; i < logs.Length; i++)
        {
            // The hard state of each knows of term 7, so that the first elected leads term 8.
            var disk = new MemoryLog(SnapshotMetadata.Bootstrap(1, 2, 3, 4, 5, 6, 7), new HardState(7, NodeId.None, 1));
            disk.Append([.. logs[i].Select((term, at) => new Entry(term, (ulong)at + 2, EntryKind.Normal, Encoding.UTF8.GetBytes($"{term}.{at}")))]);
            cluster.Add((ulong)i + 1, disk);
        }

        cluster[1].Node.Campaign();
        cluster.Settle();
        // 4 and 5 have later ends and vote no; 2, 3, 6 and 7 make the majority.
        Assert.Equal((Role.Leader, 8UL), (cluster[1].Role, cluster[1].Term));
        Assert.All(cluster.Members, m => Assert.Equal("1 1 1 4 4 5 5 6 6 6 8", m.DiskTerms));
        Assert.All(cluster.Members, m => Assert.Equal(12UL, m.Commit));
        Assert.All(cluster[1].Status.Peers, p => Assert.Equal((ProgressState.Replicate, 12UL), (p.State, p.Match)));
    }

    [Fact]
    public void A_long_tail_of_lost_entries_costs_a_few_probes_and_not_one_each()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(1);
        for (var i = 0; i < 500; i++)
            cluster[1].Propose("lost");
        cluster.Settle();
        cluster[2].Tick(10);
        cluster[3].Tick(10);
        cluster.Elect(2);
        for (var i = 0; i < 500; i++)
            cluster[2].Propose("kept");
        cluster.Settle();
        // A newer leader begins to probe at the end of its own long log.
        cluster[2].Node.TransferLeader(3);
        cluster.Settle();

        cluster.Heal();
        var rejections = 0;
        for (var round = 0; round < 100; round++)
        {
            cluster[3].Tick();
            cluster.Work(1, 2, 3);
            rejections += cluster.Wire.Count(m => m.From == 1 && m.Reject);
            foreach (var id in new ulong[] { 1, 2, 3 })
                cluster.Deliver(id);
        }
        cluster.Settle();
        Assert.Equal(cluster[2].Applied, cluster[1].Applied);
        Assert.InRange(rejections, 1, 4);
    }

    // Figure 8 of the Raft paper.
    [Fact]
    public void An_entry_of_an_earlier_term_is_committed_only_by_one_of_the_own_term()
    {
        var disk = MemoryLog.Bootstrap(1, 2, 3);
        disk.Append([new Entry(2, 2, EntryKind.Normal, default), new Entry(2, 3, EntryKind.Normal, default)]);
        var cluster = Cluster.Of(0, adjust: c => c with { PreVote = false });
        var leader = cluster.Add(1, disk);
        leader.Node.Campaign();
        leader.HandleAll();
        leader.Node.Step(new Message { Type = MessageType.VoteResponse, From = 2, To = 1, Term = 3 });
        Assert.Equal(Role.Leader, leader.Role);
        leader.HandleAll();

        void HasUpTo(ulong index) =>
            leader.Node.Step(new Message { Type = MessageType.AppendResponse, From = 2, To = 1, Term = 3, Index = index });
        HasUpTo(3);
        Assert.Equal((3UL, 1UL), (leader.Peer(2).Match, leader.Commit));
        HasUpTo(4);
        Assert.Equal(4UL, leader.Commit);
    }

    // replicate_pause
    [Fact]
    public void Appends_stop_when_the_window_is_full_and_go_on_after_a_heartbeat()
    {
        var cluster = Cluster.Led(3, adjust: c => c with { MaxInflightMessages = 3 });
        void ProposeOneByOne(int count)
        {
            for (var i = 0; i < count; i++)
            {
                cluster[1].Propose("x");
                cluster.Work(1);
            }
        }

        ProposeOneByOne(3);
        Assert.True(cluster[1].Peer(2).Paused);
        Assert.True(cluster[1].Peer(3).Paused);
        ProposeOneByOne(2);
        Assert.Equal(3, cluster.Wire.Count(m => m.To == 3));

        // All appends to 3 are lost, while 2 commits.
        cluster.Drop(3);
        cluster.Settle(1, 2);
        Assert.Equal((false, true), (cluster[1].Peer(2).Paused, cluster[1].Peer(3).Paused));
        Assert.Equal(7UL, cluster[1].Commit);
        Assert.DoesNotContain(cluster.Wire, m => m.To == 3);

        // The heartbeat's answer brings one empty append, which shows the gap.
        cluster[1].Tick();
        cluster.Work(1);
        cluster.Deliver(3);
        cluster.Work(3);
        cluster.Deliver(1);
        cluster.Work(1);
        var probe = Assert.Single(cluster.Wire, m => m.To == 3);
        Assert.Equal((MessageType.Append, 0), (probe.Type, probe.Entries.Count));
        cluster.Settle();
        Assert.Equal(5, cluster[3].Applied.Count);
        Assert.Equal(ProgressState.Replicate, cluster[1].Peer(3).State);
    }

    [Fact]
    public void Appends_stop_when_too_many_bytes_are_under_way()
    {
        var cluster = Cluster.Led(2, adjust: c => c with { MaxMessageBytes = 200, MaxInflightBytes = 400 });
        for (var i = 0; i < 10; i++)
            cluster[1].Propose(new string('x', 176));
        cluster.Work(1);
        Assert.Equal(2, cluster.Wire.Count);
        cluster.Settle();
        Assert.Equal(10, cluster[2].Applied.Count);
    }

    // heartbeat_resp_recovers_from_probing
    [Fact]
    public void A_follower_reported_unreachable_is_back_in_step_after_one_heartbeat()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Node.ReportUnreachable(2);
        Assert.Equal(ProgressState.Probe, cluster[1].Peer(2).State);
        cluster.Pass(1);
        Assert.Equal(ProgressState.Replicate, cluster[1].Peer(2).State);
    }

    // lagging_commit
    [Fact]
    public void A_follower_whose_answers_and_news_were_lost_learns_the_commit_after_a_heartbeat()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Work(1);
        cluster.Deliver(2);
        cluster.Deliver(3);
        cluster.Work(2, 3);
        cluster.Wire.RemoveAll(m => m.From == 3);
        cluster.Settle(1, 2);
        cluster.Drop(3);
        Assert.Equal((3UL, 2UL), (cluster[1].Commit, cluster[3].Commit));
        cluster.Pass(1);
        Assert.Equal(["a"], cluster[3].Applied);
    }

    [Fact]
    public void A_heartbeat_tells_no_more_commit_than_the_follower_is_known_to_have()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(3);
        cluster[1].Propose("a");
        cluster.Settle();
        cluster.Heal();
        cluster[1].Tick();
        cluster.Work(1);
        Assert.Equal(2UL, cluster.Wire.Single(m => m is { To: 3, Type: MessageType.Heartbeat }).Commit);
        Assert.Equal(3UL, cluster.Wire.Single(m => m is { To: 2, Type: MessageType.Heartbeat }).Commit);
    }

    [Fact]
    public void A_commit_says_nothing_of_entries_the_append_does_not_vouch_for()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("perhaps another's");
        cluster.Work(1);
        cluster.Deliver(3);
        cluster[3].HandleAll();
        // The new leader has something else at 3, committed, and only asks whether 3 agrees at 2.
        cluster[3].Node.Step(new Message { Type = MessageType.Append, From = 2, To = 3, Term = 3, Index = 2, LogTerm = 2, Commit = 3 });
        Assert.Equal((2UL, 3UL), (cluster[3].Commit, cluster[3].Disk.LastIndex));
        Assert.Equal(2UL, Assert.Single(cluster[3].HandleAll()).Index);
    }

    [Fact]
    public void The_entries_of_a_deposed_leader_give_way()
    {
        var cluster = Cluster.Led(3);
        cluster.Isolate(1);
        cluster[1].Propose("lost");
        cluster.Settle();
        cluster[2].Tick(10);
        cluster[3].Tick(10);
        cluster.Elect(2);
        cluster[2].Propose("kept");
        cluster.Settle();
        cluster.Heal();
        cluster.Pass(2);
        Assert.All(cluster.Members, m => Assert.Equal(["kept"], m.Applied));
        Assert.Equal("2 3 3", cluster[1].DiskTerms);
    }

    [Fact]
    public void Proposals_are_refused_with_a_reason()
    {
        var cluster = Cluster.Led(3, adjust: c => c with { MaxUncommittedBytes = 100 });
        Assert.Equal(new Proposal(ProposalStatus.NotLeader), cluster[2].Propose("x"));

        // The first is taken whatever its size.
        Assert.True(cluster[1].Propose(new string('x', 500)).Accepted);
        Assert.Equal(ProposalStatus.TooManyUncommitted, cluster[1].Propose("x").Status);
        cluster.Settle();
        Assert.True(cluster[1].Propose("x").Accepted);
        Assert.True(cluster[1].Propose("x").Accepted);
        Assert.True(cluster[1].Propose("x").Accepted);
        Assert.True(cluster[1].Propose("x").Accepted);
        Assert.Equal(ProposalStatus.TooManyUncommitted, cluster[1].Propose("x").Status);
    }

    [Fact]
    public void Learners_get_everything_and_count_for_nothing()
    {
        var cluster = Cluster.Led(2, learners: 2);
        cluster.Isolate(2);
        cluster[1].Propose("a");
        cluster.Settle();
        Assert.Equal(2UL, cluster[1].Commit);
        Assert.Equal(3UL, cluster[3].Disk.LastIndex);
        cluster.Heal();
        cluster.Pass(1);
        Assert.All(cluster.Members, m => Assert.Equal(["a"], m.Applied));
    }
}
