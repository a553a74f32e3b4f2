using Skep.Log;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>Three members, each with log and snapshots on its own disk.</summary>
public sealed class ClusterTests
{
    [Fact]
    public void A_group_grows_from_one_and_newcomers_get_a_snapshot()
    {
        using var cluster = new SteppedCluster(seed: 1);
        var first = cluster.Add(1, ReplicaStart.NewGroup);
        for (var i = 0; i < 60; i++)
        {
            cluster.Propose();
            cluster.Turn();
        }
        Grow(cluster);
        Assert.True(cluster.SnapshotsSent >= 2);
        cluster.RunUntil(() => cluster.Members.Values.All(m => m.Machine.Applied.Count == 60));
        Assert.All(cluster.Members.Values, m => Assert.Equal(new Membership([1, 2, 3]), m.Loop.Membership));
        Assert.True(first.Loop.NeedsTicks);
    }

    [Fact]
    public void A_leader_that_is_cut_off_is_told_and_its_proposal_has_an_unknown_outcome()
    {
        using var cluster = new SteppedCluster(seed: 2);
        cluster.Add(1, ReplicaStart.NewGroup);
        Grow(cluster);
        var old = cluster.Leader!;
        cluster.Isolated.Add(old.Id);
        var completion = new TaskCompletionSource<ulong>();
        old.Do(() => old.Loop.Propose("never"u8.ToArray(), completion));
        cluster.RunUntil(() => cluster.Leader is not null);
        cluster.RunUntil(() => completion.Task.IsCompleted);
        Assert.True(Assert.IsType<ProposalDroppedException>(completion.Task.Exception!.InnerException).OutcomeUnknown);
        Assert.False(old.Leadership[^1].Leader);
        Assert.False(old.Loop.IsLeader);

        cluster.Propose();
        cluster.Isolated.Clear();
        cluster.RunUntil(() => old.Machine.Applied.Count > 0 && cluster.Acknowledged.Count > 0);
        Assert.DoesNotContain("never", old.Machine.Applied);
    }

    [Fact]
    public void A_follower_reads_behind_what_the_leader_has_committed()
    {
        using var cluster = new SteppedCluster(seed: 3);
        cluster.Add(1, ReplicaStart.NewGroup);
        Grow(cluster);
        cluster.Propose();
        cluster.RunUntil(() => cluster.Acknowledged.Count == 1);
        var follower = cluster.Members.Values.First(m => !m.Loop.IsLeader);
        var read = new TaskCompletionSource<ulong>();
        follower.Do(() => follower.Loop.ReadIndex(read));
        cluster.RunUntil(() => read.Task.IsCompleted);
        Assert.True(read.Task.IsCompletedSuccessfully);
        Assert.Equal(cluster.Acknowledged, follower.Machine.Applied);

        // Nobody answers one who is cut off: it is told so, and does not wait for ever.
        cluster.Isolated.Add(follower.Id);
        var lost = new TaskCompletionSource<ulong>();
        follower.Do(() => follower.Loop.ReadIndex(lost));
        cluster.RunUntil(() => lost.Task.IsCompleted);
        Assert.IsType<NotLeaderException>(lost.Task.Exception!.InnerException);
    }

    [Fact]
    public void A_read_that_a_former_leader_did_not_answer_is_refused_when_another_leads()
    {
        using var cluster = new SteppedCluster(seed: 5);
        var first = cluster.Add(1, ReplicaStart.NewGroup);
        Grow(cluster);
        var follower = cluster.Members[3];
        var read = new TaskCompletionSource<ulong>();
        cluster.Isolated.Add(first.Id);
        follower.Do(() => follower.Loop.ReadIndex(read));
        cluster.Turn();
        cluster.Isolated.Clear();
        first.Do(() => Assert.Equal(TransferStatus.Accepted, first.Loop.TransferLeader(2)));
        cluster.RunUntil(() => follower.Loop.LeaderId == 2);
        Assert.IsType<NotLeaderException>(read.Task.Exception?.InnerException);

        var again = new TaskCompletionSource<ulong>();
        follower.Do(() => follower.Loop.ReadIndex(again));
        cluster.RunUntil(() => again.Task.IsCompleted);
        Assert.True(again.Task.IsCompletedSuccessfully);
    }

    [Fact]
    public void The_leadership_can_be_passed_on()
    {
        using var cluster = new SteppedCluster(seed: 4);
        var first = cluster.Add(1, ReplicaStart.NewGroup);
        Grow(cluster);
        first.Do(() => Assert.Equal(TransferStatus.Accepted, first.Loop.TransferLeader(2)));
        cluster.RunUntil(() => cluster.Leader?.Id == 2);
        Assert.Equal([true, false], first.Leadership.Select(l => l.Leader));
    }

    [Fact]
    public void After_a_refused_proposal_none_that_rests_on_it_is_taken()
    {
        using var cluster = new SteppedCluster(seed: 6);
        var first = cluster.Add(1, ReplicaStart.NewGroup);
        Grow(cluster);
        var sequence = new ProposalSequence();
        byte number = 0;
        Task<ulong> Propose(ProposalSequence of)
        {
            var completion = new TaskCompletionSource<ulong>();
            first.Do(() => first.Loop.Propose(new[] { ++number }, completion, of));
            return completion.Task;
        }

        var before = Propose(sequence);
        cluster.RunUntil(() => before.IsCompleted);
        Assert.True(before.IsCompletedSuccessfully);
        // The leadership is being passed on to one that does not answer; then it is not passed on.
        cluster.Isolated.Add(2);
        first.Do(() => Assert.Equal(TransferStatus.Accepted, first.Loop.TransferLeader(2)));
        Assert.IsType<ProposalDroppedException>(Propose(sequence).Exception?.InnerException);
        for (var i = 0; i < 20 && Propose(new ProposalSequence()).IsFaulted; i++)
            cluster.Turn();

        Assert.True(first.Loop.IsLeader);
        Assert.IsType<ProposalDroppedException>(Propose(sequence).Exception?.InnerException);
        var other = Propose(new ProposalSequence());
        cluster.RunUntil(() => other.IsCompleted);
        Assert.True(other.IsCompletedSuccessfully);
    }

    /// <summary>Crashes at any operation on any disk, lost and torn writes, and members cut off, while the group works.</summary>
    [Fact]
    public void Nothing_acknowledged_is_lost_while_members_crash_and_come_back()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            using var cluster = new SteppedCluster(seed);
            cluster.Add(1, ReplicaStart.NewGroup);
            Grow(cluster);
            for (var turn = 0; turn < 250; turn++)
            {
                for (var i = random.Next(3); i > 0; i--)
                    cluster.Propose();
                var member = cluster.Members[(ulong)random.Next(1, 4)];
                if (!member.IsUp)
                {
                    member.Disk.Restart((CrashKind)random.Next(3));
                    member.Start();
                }
                else if (random.Next(15) == 0)
                {
                    member.Disk.CrashAt = member.Disk.Operations + 1 + random.Next(8);
                }
                if (random.Next(30) == 0)
                    cluster.Isolated.Add((ulong)random.Next(1, 4));
                if (random.Next(10) == 0)
                    cluster.Isolated.Clear();
                cluster.Turn();
            }
            cluster.Isolated.Clear();
            foreach (var member in cluster.Members.Values)
            {
                member.Disk.CrashAt = null;
                if (!member.IsUp)
                {
                    member.Disk.Restart(CrashKind.UnsyncedTorn);
                    member.Start();
                }
            }
            cluster.RunUntil(() => cluster.Leader is not null && cluster.Members.Values.Select(m => m.Machine.Applied.Count).Distinct().Count() == 1);
            Assert.True(cluster.Acknowledged.Count > 20, $"seed {seed}: only {cluster.Acknowledged.Count} acknowledged");
            Assert.All(cluster.Members.Values, m => Assert.Empty(cluster.Acknowledged.Except(m.Machine.Applied)));
        }
    }

    private static void Grow(SteppedCluster cluster)
    {
        foreach (var id in new ulong[] { 2, 3 })
        {
            cluster.Add(id, ReplicaStart.Join);
            cluster.Change(ConfChangeKind.AddVoter, id);
            cluster.RunUntil(() => cluster.Members[id].Loop.Membership.IsVoter(id));
        }
    }
}
