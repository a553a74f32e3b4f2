using System.Text;
using Skep.Log;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>A member that lost its quorum goes on alone: a new group, begun with all that its log holds.</summary>
public sealed class OfflineLogTests
{
    private const string Next = "/raft-2";

    [Fact]
    public void Everything_in_the_log_is_read_the_part_beyond_what_is_known_to_be_committed_too_and_nothing_is_written()
    {
        var (disk, applied) = LostQuorum();
        var before = Contents(disk);
        var operations = disk.Operations;

        var machine = new ListMachine();
        OfflineLog.Replay(Old(disk), machine, new RecordingLogger());
        Assert.Equal([.. applied, "beyond 1", "beyond 2"], machine.Applied);
        Assert.Equal(before, Contents(disk));
        Assert.Equal(operations, disk.Operations);
    }

    [Fact]
    public void A_torn_end_is_left_out_and_left_as_it_is()
    {
        var (disk, _) = LostQuorum();
        var whole = Replayed(disk);
        var path = disk.Paths.Last(p => p.EndsWith(".wal", StringComparison.Ordinal));
        disk.Replace(path, [.. disk.Content(path), 1, 2, 3]);
        var before = Contents(disk);

        Assert.Equal(whole, Replayed(disk));
        Assert.Equal(before, Contents(disk));
    }

    [Fact]
    public void A_damaged_log_is_refused()
    {
        var (disk, _) = LostQuorum();
        var path = disk.Paths.Last(p => p.EndsWith(".wal", StringComparison.Ordinal));
        disk.FlipBit(path, SegmentHeader.Size + 30, 1);
        Assert.Contains(path, Assert.Throws<LogCorruptException>(() => Replayed(disk)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_new_group_has_one_member_all_of_the_state_and_goes_on()
    {
        var (disk, _) = LostQuorum();
        var all = Replayed(disk);
        Begin(disk, all);

        using (var replica = new SteppedReplica(New(disk), new RecordingLogger()))
        {
            Assert.Equal(all, replica.Machine.Applied);
            Assert.True(replica.Loop.IsLeader);
            Assert.Equal("voters [77] learners []", replica.Loop.Membership.ToString());
            List<string> acknowledged = [];
            replica.Propose(["after"], acknowledged);
            Assert.Single(acknowledged);
        }
        using var again = new SteppedReplica(New(disk), new RecordingLogger());
        Assert.Equal([.. all, "after"], again.Machine.Applied);
    }

    [Fact]
    public void A_group_is_not_begun_where_there_is_one()
    {
        var (disk, _) = LostQuorum();
        Begin(disk, ["one"]);
        Assert.Throws<InvalidOperationException>(() => Begin(disk, ["two"]));
        using var replica = new SteppedReplica(New(disk), new RecordingLogger());
        Assert.Equal(["one"], replica.Machine.Applied);
    }

    [Theory]
    [InlineData(CrashKind.ProcessKilled)]
    [InlineData(CrashKind.UnsyncedLost)]
    [InlineData(CrashKind.UnsyncedTorn)]
    public void Wherever_it_crashes_the_old_group_is_still_there_and_the_new_one_is_whole_once_it_is_begun(CrashKind kind)
    {
        var (whole, _) = LostQuorum();
        var all = Replayed(whole);
        var first = whole.Operations;
        Begin(whole, all);
        var last = whole.Operations;
        Assert.True(last - first > 8, $"only {last - first} operations");

        for (var at = 1; at <= last - first + 1; at++)
        {
            var (disk, _) = LostQuorum();
            disk.Random = new Random(at);
            disk.CrashAt = disk.Operations + at;
            var isBegun = false;
            try
            {
                Begin(disk, all);
                isBegun = true;
            }
            catch (SimulatedCrashException)
            {
                // Nothing names the new group yet.
            }
            disk.CrashAt = null;
            disk.Restart(kind);
            Assert.Equal(isBegun, at > last - first);
            Assert.Equal(all, Replayed(disk));
            if (!isBegun)
                BeginAnew(disk, all);
            using var replica = new SteppedReplica(New(disk), new RecordingLogger());
            Assert.Equal(all, replica.Machine.Applied);
        }
    }

    [Fact]
    public void Without_room_on_the_disk_there_is_no_new_group_and_the_old_one_is_as_it_was()
    {
        var (disk, _) = LostQuorum();
        var all = Replayed(disk);
        disk.FreeBytes = 100;
        Assert.ThrowsAny<IOException>(() => Begin(disk, all));
        disk.FreeBytes = long.MaxValue;
        Assert.Equal(all, Replayed(disk));
    }

    /// <summary>Messages of old members are for the old member: the new one's log is not theirs to change.</summary>
    [Fact]
    public void What_a_leader_of_the_old_group_sends_is_not_taken_in()
    {
        var (disk, _) = LostQuorum();
        Begin(disk, Replayed(disk));
        using var replica = new SteppedReplica(New(disk), new RecordingLogger());
        var (term, last) = (replica.Loop.Term, replica.Store.LastIndex);
        replica.Loop.Step(new Message { Type = MessageType.Append, From = 2, To = 1, Term = 99, Index = 40, LogTerm = 1, Commit = 60 });
        replica.Loop.Process();
        Assert.Equal((term, last, true), (replica.Loop.Term, replica.Store.LastIndex, replica.Loop.IsLeader));
    }

    /// <summary>Of three members, this one has got two entries more from a leader than it knows to be committed; then the others are gone.</summary>
    private static (SimulatedFileSystem Disk, List<string> Applied) LostQuorum()
    {
        var disk = new SimulatedFileSystem();
        List<string> applied = [];
        using (var replica = new SteppedReplica(SteppedReplica.Options(disk, ReplicaStart.NewGroup), new RecordingLogger()))
        {
            for (var i = 0; i < 33; i++)
                replica.Propose([$"entry {i}"], applied);
            foreach (var id in (ulong[])[2, 3])
            {
                replica.Loop.ProposeConfChange(new ConfChange(ConfChangeKind.AddVoter, id), new TaskCompletionSource<ulong>());
                replica.Loop.Process();
            }
            replica.Propose(["beyond 1"], []);
            replica.Propose(["beyond 2"], []);
            Assert.Equal(applied, replica.Machine.Applied);
        }
        disk.Restart(CrashKind.ProcessKilled);
        return (disk, applied);
    }

    private static ReplicaOptions Old(SimulatedFileSystem disk) => SteppedReplica.Options(disk);

    private static ReplicaOptions New(SimulatedFileSystem disk) => SteppedReplica.Options(disk) with { Directory = Next, NodeId = 77 };

    private static IReadOnlyList<string> Replayed(SimulatedFileSystem disk)
    {
        var machine = new ListMachine();
        OfflineLog.Replay(Old(disk), machine, new RecordingLogger());
        return machine.Applied;
    }

    private static void Begin(SimulatedFileSystem disk, IReadOnlyList<string> state)
    {
        var machine = new ListMachine();
        foreach (var entry in state)
            machine.Apply(0, Encoding.UTF8.GetBytes(entry));
        OfflineLog.Begin(New(disk), machine, new RecordingLogger());
    }

    // What skepd does at its next start, and with a new id.
    private static void BeginAnew(SimulatedFileSystem disk, IReadOnlyList<string> state)
    {
        foreach (var path in disk.Paths.Where(p => p.StartsWith(Next, StringComparison.Ordinal)))
            disk.Delete(path);
        Begin(disk, state);
    }

    private static List<string> Contents(SimulatedFileSystem disk) => [.. disk.Paths.Select(path => $"{path} {Convert.ToHexString(disk.Content(path))}")];
}
