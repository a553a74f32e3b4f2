using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>
/// Followers that need what the leader's log no longer has: etcd/raft's slow_follower_after_compaction,
/// snapshot_succeed_via_app_resp and its variant "behind".
/// </summary>
public class SnapshotTests
{
    private static void Compact(Member member)
    {
        member.TakeSnapshot();
        member.Disk.Compact(member.Status.Applied);
    }

    /// <summary>1 and 2 have committed and compacted what 3 never got.</summary>
    private static Cluster WithThirdLeftBehind(Func<RaftConfig, RaftConfig>? adjust = null)
    {
        var cluster = Cluster.Led(3, adjust: adjust);
        cluster.Isolate(3);
        for (var i = 0; i < 5; i++)
        {
            cluster[1].Propose($"{i}");
            cluster.Settle();
        }
        Compact(cluster[1]);
        cluster.Heal();
        return cluster;
    }

    // slow_follower_after_compaction
    [Fact]
    public void A_follower_behind_the_compacted_log_gets_the_snapshot_and_then_the_entries()
    {
        var cluster = WithThirdLeftBehind(c => c with { MaxInflightMessages = 2 });
        cluster[1].Propose("after");
        cluster.Pass(2);
        Assert.Equal(["0", "1", "2", "3", "4", "after"], cluster[3].Applied);
        // It came as a snapshot: only the entries after it were handed out.
        Assert.Equal([2UL, 8UL], cluster[3].HandedOut.Select(e => e.Index));
        Assert.Equal((ProgressState.Replicate, 8UL), (cluster[1].Peer(3).State, cluster[1].Peer(3).Match));
    }

    // snapshot_succeed_via_app_resp
    [Fact]
    public void A_snapshot_at_the_very_end_of_the_log_brings_the_follower_into_step()
    {
        var cluster = WithThirdLeftBehind();
        cluster[1].Tick();
        cluster.Work(1);
        cluster.Deliver(3);
        cluster.Work(3);
        cluster.Deliver(1);
        cluster.Work(1);
        // It says where its log ends.
        cluster.Deliver(3);
        cluster.Work(3);
        cluster.Deliver(1);
        cluster.Work(1);
        var snapshot = Assert.Single(cluster.Wire, m => m.To == 3);
        Assert.Equal((MessageType.Snapshot, 7UL), (snapshot.Type, snapshot.Snapshot!.Index));
        Assert.Equal((ProgressState.Snapshot, 7UL), (cluster[1].Peer(3).State, cluster[1].Peer(3).PendingSnapshot));

        // No report of the transport, only the answer of the follower, and only when it has persisted it.
        cluster[3].Node.Step(snapshot);
        cluster.Wire.Clear();
        var answer = Assert.Single(cluster[3].HandleReady());
        Assert.True(answer.AwaitsPersistence);
        cluster[1].Node.Step(answer);
        Assert.Equal((ProgressState.Replicate, 7UL), (cluster[1].Peer(3).State, cluster[1].Peer(3).Match));
    }

    // snapshot_succeed_via_app_resp_behind
    [Fact]
    public void An_older_snapshot_than_the_one_sent_will_do_if_the_log_goes_on_from_it()
    {
        var cluster = WithThirdLeftBehind();
        var older = cluster[1].Disk.Snapshot;
        cluster[1].Propose("later");
        cluster.Settle(1, 2);
        cluster.Wire.Clear();
        cluster[1].TakeSnapshot();
        cluster[1].Tick();
        cluster.Work(1);
        for (var i = 0; i < 2; i++)
        {
            cluster.Deliver(3);
            cluster.Work(3);
            cluster.Deliver(1);
            cluster.Work(1);
        }
        Assert.Equal((ProgressState.Snapshot, 8UL), (cluster[1].Peer(3).State, cluster[1].Peer(3).PendingSnapshot));
        cluster.Drop(3);

        cluster[3].Node.Step(new Message { Type = MessageType.Snapshot, From = 1, To = 3, Term = 2, Snapshot = older });
        cluster.Settle();
        Assert.Equal(["0", "1", "2", "3", "4", "later"], cluster[3].Applied);
        Assert.Equal((ProgressState.Replicate, 8UL), (cluster[1].Peer(3).State, cluster[1].Peer(3).Match));
    }

    [Fact]
    public void A_snapshot_that_is_too_old_when_it_is_installed_is_followed_by_another()
    {
        var cluster = WithThirdLeftBehind();
        cluster[1].Tick();
        cluster.Work(1);
        for (var i = 0; i < 2; i++)
        {
            cluster.Deliver(3);
            cluster.Work(3);
            cluster.Deliver(1);
            cluster.Work(1);
        }
        var first = Assert.Single(cluster.Wire, m => m.Type == MessageType.Snapshot);
        cluster[1].Propose("later");
        cluster.Wire.Clear();
        cluster.Settle(1, 2);
        Compact(cluster[1]);

        // No report of the transport: the answer alone shows what is missing.
        cluster[3].Node.Step(first);
        cluster.Settle();
        Assert.Equal(["0", "1", "2", "3", "4", "later"], cluster[3].Applied);
    }

    [Fact]
    public void A_snapshot_that_failed_is_sent_again_after_the_next_heartbeat()
    {
        var cluster = WithThirdLeftBehind();
        cluster[1].Tick();
        cluster.Work(1);
        for (var i = 0; i < 2; i++)
        {
            cluster.Deliver(3);
            cluster.Work(3);
            cluster.Deliver(1);
            cluster.Work(1);
        }
        cluster.Drop(3);
        cluster[1].Propose("x");
        cluster.Settle(1, 2);
        Assert.DoesNotContain(cluster.Wire, m => m.To == 3);

        cluster[1].Node.ReportSnapshot(3, succeeded: false);
        Assert.Equal(ProgressState.Probe, cluster[1].Peer(3).State);
        cluster.Settle(1, 2);
        Assert.DoesNotContain(cluster.Wire, m => m.To == 3);
        cluster.Pass(2);
        Assert.Equal(["0", "1", "2", "3", "4", "x"], cluster[3].Applied);
    }

    [Fact]
    public void While_no_snapshot_can_be_had_the_leader_asks_again_later()
    {
        var cluster = WithThirdLeftBehind();
        cluster[1].Disk.SnapshotUnavailable = true;
        cluster.Pass(3);
        Assert.Empty(cluster[3].Applied);
        cluster[1].Disk.SnapshotUnavailable = false;
        cluster.Pass(2);
        Assert.Equal(5, cluster[3].Applied.Count);
    }

    [Fact]
    public void A_member_that_does_not_answer_is_sent_no_snapshot()
    {
        var cluster = WithThirdLeftBehind();
        cluster[3].Crash();
        cluster.Pass(30);
        cluster[1].Tick();
        cluster.Work(1);
        Assert.DoesNotContain(cluster.Wire, m => m.Type == MessageType.Snapshot);
    }

    [Fact]
    public void A_snapshot_of_what_the_follower_has_only_moves_its_commit()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Work(1);
        cluster.Deliver(3);
        cluster.Work(3);
        cluster.Wire.Clear();
        Assert.Equal(2UL, cluster[3].Commit);
        var metadata = new SnapshotMetadata(3, 2, cluster[3].Status.Membership);
        cluster[3].Node.Step(new Message { Type = MessageType.Snapshot, From = 1, To = 3, Term = 2, Snapshot = metadata });
        var ready = cluster[3].Begin();
        Assert.Null(ready.Snapshot);
        Assert.Equal(3UL, ready.HardState!.Value.Commit);
        Assert.Equal(3UL, Assert.Single(ready.Messages).Index);
        cluster[3].Finish();
        Assert.Equal(["a"], cluster[3].Applied);
    }

    [Fact]
    public void An_outdated_snapshot_is_answered_with_what_is_committed()
    {
        var cluster = Cluster.Led(3);
        cluster[1].Propose("a");
        cluster.Settle();
        cluster[3].Node.Step(new Message { Type = MessageType.Snapshot, From = 1, To = 3, Term = 2, Snapshot = SnapshotMetadata.Bootstrap(1, 2, 3) });
        Assert.Equal(3UL, Assert.Single(cluster[3].HandleAll()).Index);
        Assert.Equal(["a"], cluster[3].Applied);
    }

    [Fact]
    public void While_a_snapshot_is_being_installed_nothing_is_applied_and_nobody_stands()
    {
        var cluster = WithThirdLeftBehind();
        var member = cluster[3];
        member.Node.Step(new Message { Type = MessageType.Snapshot, From = 1, To = 3, Term = 2, Snapshot = cluster[1].Disk.Snapshot });
        member.Node.Step(new Message
        {
            Type = MessageType.Append,
            From = 1,
            To = 3,
            Term = 2,
            Index = 7,
            LogTerm = 2,
            Entries = [new Entry(2, 8, EntryKind.Normal, new byte[] { (byte)'x' })],
            Commit = 8,
        });
        var ready = member.Begin();
        Assert.Equal(7UL, ready.Snapshot!.Index);
        Assert.Equal(8UL, Assert.Single(ready.Entries).Index);
        Assert.Empty(ready.CommittedEntries);
        Assert.Equal(8UL, ready.HardState!.Value.Commit);
        member.Node.Campaign();
        Assert.Equal(Role.Follower, member.Role);
        member.Finish();
        Assert.Equal(7UL, member.Status.Applied);
        member.HandleAll();
        Assert.Equal(["0", "1", "2", "3", "4", "x"], member.Applied);
    }

    [Fact]
    public void After_a_restart_the_member_goes_on_from_its_snapshot()
    {
        var cluster = Cluster.Led(1);
        cluster[1].Propose("a");
        cluster.Settle();
        Compact(cluster[1]);
        cluster[1].Propose("b");
        cluster.Settle();
        cluster[1].Crash();
        cluster[1].Start();
        Assert.Equal(["a"], cluster[1].Applied);
        cluster.Settle();
        Assert.Equal(["a", "b"], cluster[1].Applied);
    }

    [Theory]
    [InlineData(5, 9, "log ends at 3 but 9 was committed: entries are lost")]
    [InlineData(5, 1, null)]
    public void A_stored_log_that_lost_something_is_refused(ulong term, ulong commit, string? error)
    {
        var disk = new MemoryLog(SnapshotMetadata.Bootstrap(1), new HardState(term, NodeId.None, commit));
        disk.Append([new Entry(1, 2, EntryKind.Normal, default), new Entry(1, 3, EntryKind.Normal, default)]);
        var thrown = Record.Exception(() => new RawNode(new RaftConfig { Id = 1 }, disk));
        Assert.Equal(error, thrown?.Message);
    }
}
