using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>The contract with the driver: what is handed out when, and what may happen between a Ready and its Advance.</summary>
public class ReadyTests
{
    [Fact]
    public void Nothing_to_do_is_said_so()
    {
        var cluster = Cluster.Led(3);
        Assert.All(cluster.Members, m => Assert.False(m.Node.HasReady));
    }

    [Fact]
    public void One_Ready_at_a_time()
    {
        var member = Cluster.Led(1)[1];
        member.Propose("a");
        var ready = member.Node.GetReady();
        member.Propose("b");
        Assert.False(member.Node.HasReady);
        Assert.Throws<InvalidOperationException>(() => member.Node.GetReady());
        Assert.Throws<InvalidOperationException>(() => member.Node.Advance(new Ready()));
        member.Disk.Persist(ready);
        member.Node.Advance(ready);
        Assert.Throws<InvalidOperationException>(() => member.Node.Advance(ready));
        Assert.True(member.Node.HasReady);
    }

    [Fact]
    public void Only_term_vote_entries_and_snapshots_must_be_synced()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Work(1);
        cluster.Deliver(2);
        Assert.True(cluster[2].Begin().MustSync);
        cluster.Send(cluster[2].Finish());
        cluster.Deliver(1);
        var ready = cluster[1].Begin();
        Assert.Equal(3UL, ready.HardState!.Value.Commit);
        Assert.False(ready.MustSync);
    }

    [Fact]
    public void Promises_wait_for_the_disk_and_nothing_else_does()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        var ready = cluster[1].Begin();
        Assert.NotEmpty(ready.Entries);
        Assert.All(ready.Messages, m => Assert.False(m.AwaitsPersistence));
        cluster.Send(cluster[1].Finish());
        cluster.Deliver(2);
        Assert.True(Assert.Single(cluster[2].Begin().Messages).AwaitsPersistence);
    }

    [Fact]
    public void Others_may_commit_what_the_leader_has_not_on_its_own_disk()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        var ready = cluster[1].Begin();
        cluster.Send(ready.Messages);
        cluster.Settle(2, 3);
        foreach (var message in cluster.Wire.ToArray())
            cluster.Deliver(message);
        cluster.Wire.Clear();
        Assert.Equal((3UL, 2UL), (cluster[1].Commit, cluster[1].Disk.LastIndex));
        cluster[1].Finish();
        // Handed out only now that it is on its disk too.
        Assert.Equal(3UL, Assert.Single(cluster[1].Begin().CommittedEntries).Index);
    }

    [Fact]
    public void The_leader_is_no_part_of_a_majority_before_its_own_disk_has_the_entry()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Send(cluster[1].Begin().Messages);
        cluster.Deliver(2);
        cluster.Work(2);
        cluster.Deliver(1);
        Assert.Equal((3UL, 2UL), (cluster[1].Peer(2).Match, cluster[1].Commit));
        cluster[1].Finish();
        Assert.Equal(3UL, cluster[1].Commit);
    }

    [Fact]
    public void A_follower_applies_only_what_is_on_its_disk()
    {
        var cluster = Cluster.Led(3);
        cluster[3].Node.Step(new Message
        {
            Type = MessageType.Append,
            From = 1,
            To = 3,
            Term = 2,
            Index = 2,
            LogTerm = 2,
            Entries = [new Entry(2, 3, EntryKind.Normal, default)],
            Commit = 3,
        });
        var ready = cluster[3].Begin();
        Assert.Equal((3UL, 1), (ready.HardState!.Value.Commit, ready.Entries.Count));
        Assert.Empty(ready.CommittedEntries);
        cluster[3].Finish();
        Assert.Single(cluster[3].Begin().CommittedEntries);
    }

    [Fact]
    public void Committed_entries_come_in_pages_of_bytes()
    {
        var cluster = Cluster.Led(1, adjust: c => c with { MaxCommittedBytes = 3 * (Entry.Overhead + 1) });
        for (var i = 0; i < 8; i++)
            cluster[1].Propose("x");
        var pages = new List<int>();
        while (cluster[1].Node.HasReady)
        {
            pages.Add(cluster[1].Begin().CommittedEntries.Count);
            cluster[1].Finish();
        }
        Assert.Equal([0, 3, 3, 2], pages);
    }

    // What etcd/raft's async_storage_writes_append_aba_race guards, with our one write at a time.
    [Fact]
    public void Entries_replaced_while_they_are_being_written_do_not_count_as_written()
    {
        var cluster = Cluster.Of(5);
        var follower = cluster[1];
        Message Append(ulong term, ulong from, params Entry[] entries) => new()
        {
            Type = MessageType.Append,
            From = from,
            To = 1,
            Term = term,
            Index = 1,
            LogTerm = 1,
            Entries = entries,
        };
        var (old2, old3) = (new Entry(2, 2, EntryKind.Normal, default), new Entry(2, 3, EntryKind.Normal, default));
        var new2 = new Entry(3, 2, EntryKind.Normal, default);

        follower.Node.Step(Append(2, 2, old2, old3));
        follower.Begin();
        follower.Node.Step(Append(3, 3, new2));
        follower.Finish();
        Assert.Equal(3UL, follower.Disk.LastIndex);
        Assert.Equal(2UL, follower.Status.LastIndex);

        // The replacement is still owed, and its acknowledgement comes only with it.
        var ready = follower.Begin();
        Assert.Equal([new2], ready.Entries);
        Assert.Equal([2UL], ready.Messages.Select(m => m.Index));
        follower.Finish();
        Assert.Equal("3", follower.DiskTerms);

        // Away and back again while being written: what the disk has in the end is what counts.
        follower.Node.Step(Append(4, 4, new Entry(4, 2, EntryKind.Normal, default)));
        follower.Begin();
        follower.Node.Step(Append(5, 5, new2));
        follower.Finish();
        Assert.Equal([new2], follower.Begin().Entries);
        follower.Finish();
        Assert.Equal("3", follower.DiskTerms);
    }

    [Fact]
    public void A_candidate_counts_its_own_vote_only_when_it_is_on_its_disk()
    {
        var cluster = Cluster.Of(3, adjust: c => c with { PreVote = false });
        cluster[1].Node.Campaign();
        var ready = cluster[1].Begin();
        cluster.Send(ready.Messages);
        cluster.Settle(2, 3);
        cluster.Deliver(cluster.Wire.First(m => m.From == 2));
        Assert.Equal(Role.Candidate, cluster[1].Role);
        cluster[1].Finish();
        Assert.Equal(Role.Leader, cluster[1].Role);
    }

    [Fact]
    public void The_soft_state_is_told_when_it_changes()
    {
        var cluster = Cluster.Of(3);
        cluster[1].Node.Campaign();
        Assert.Equal(new SoftState(NodeId.None, Role.PreCandidate), cluster[1].Begin().SoftState);
        cluster.Send(cluster[1].Finish());
        cluster.Settle();
        cluster[1].Propose("a");
        Assert.Null(cluster[1].Begin().SoftState);
    }

    [Fact]
    public void The_same_calls_give_the_same_messages()
    {
        static List<string> Run()
        {
            var cluster = Cluster.Of(5);
            var sent = new List<string>();
            for (var i = 0; i < 60; i++)
            {
                foreach (var member in cluster.Members)
                    member.Tick();
                cluster.Leader?.Propose($"{i}");
                cluster.Work(1, 2, 3, 4, 5);
                sent.AddRange(cluster.Wire.Select(m => $"{m.Type} {m.From} {m.To} {m.Term} {m.Index} {m.Commit} {m.Entries.Count}"));
                cluster.Settle();
            }
            return sent;
        }

        var first = Run();
        Assert.NotEmpty(first);
        Assert.Equal(first, Run());
    }
}
