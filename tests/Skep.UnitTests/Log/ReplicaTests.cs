using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Skep.Log;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>The replica with its thread, alone in its group, on a simulated disk and clock.</summary>
public sealed class ReplicaTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SimulatedFileSystem _disk = new();
    private readonly FakeTimeProvider _time = new();
    private readonly RecordingLogger _logger = new();
    private readonly ListMachine _machine = new();

    [Fact]
    public async Task A_member_that_is_alone_leads_at_once_without_any_tick()
    {
        List<(bool, ulong)> leadership = [];
        Replica closed;
        var options = New() with { LeadershipChanged = (leader, term) => leadership.Add((leader, term)) };
        await using (var replica = await Open(options))
        {
            Assert.True(replica.IsLeader);
            Assert.Equal(1UL, replica.LeaderId);
            Assert.Equal([(true, replica.Term)], leadership);
            Assert.True(replica.LeadsAlone);
            await replica.ReadBarrierAsync().WaitAsync(Patience);
            closed = replica;
        }
        Assert.False(closed.LeadsAlone);
        Assert.Equal(2, leadership.Count);
        Assert.False(leadership[1].Item1);
    }

    [Fact]
    public async Task Leadership_is_announced_after_everything_earlier_is_applied()
    {
        await using (var replica = await Open(New()))
        {
            for (var i = 0; i < 10; i++)
                await Propose(replica, $"entry {i}");
        }
        var machine = new ListMachine();
        var appliedThen = -1;
        var options = New() with { Start = ReplicaStart.Existing, LeadershipChanged = (leader, _) => appliedThen = leader ? machine.Applied.Count : appliedThen };
        await using var again = await Replica.OpenAsync(options, machine, _time, null, _logger);
        Assert.Equal(10, appliedThen);
    }

    [Fact]
    public async Task A_proposal_completes_after_it_is_applied()
    {
        await using var replica = await Open(New());
        var first = await Propose(replica, "one");
        Assert.Equal(["one"], _machine.Applied);
        var second = await Propose(replica, "two");
        Assert.Equal(first + 1, second);
        Assert.Equal(second, replica.LastApplied);
    }

    [Fact]
    public async Task Proposals_that_wait_share_one_sync()
    {
        var slow = new ManualResetEventSlim(true);
        _disk.SyncFails = path =>
        {
            if (path.EndsWith(".wal", StringComparison.Ordinal))
                slow.Wait();
            return false;
        };
        await using var replica = await Open(New());
        slow.Reset();
        var before = _disk.SyncsOf(".wal");
        var proposals = Enumerable.Range(0, 1000).Select(i => Propose(replica, $"entry {i}")).ToList();
        slow.Set();
        var indexes = await Task.WhenAll(proposals).WaitAsync(Patience);
        var syncs = _disk.SyncsOf(".wal") - before;
        Assert.True(syncs < 100, $"{syncs} syncs for 1000 proposals");
        Assert.Equal(indexes.Order(), indexes);
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"entry {i}"), _machine.Applied);
    }

    [Fact]
    public async Task A_full_disk_stops_it_and_nothing_acknowledged_is_lost()
    {
        List<string> acknowledged = [];
        await using (var replica = await Open(New()))
        {
            _disk.FreeBytes = 1000;
            var failure = await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                for (var i = 0; i < 100; i++)
                {
                    await Propose(replica, $"entry {i}");
                    acknowledged.Add($"entry {i}");
                }
            });
            Assert.True(failure is ProposalDroppedException { OutcomeUnknown: true }, failure.ToString());
            var stopped = await Assert.ThrowsAsync<IOException>(() => replica.Stopped.WaitAsync(Patience));
            Assert.Contains("No space left", stopped.Message);
            Assert.False(replica.IsLeader);
            var later = await Assert.ThrowsAsync<ReplicaStoppedException>(() => Propose(replica, "later"));
            Assert.Contains("No space left", later.Message);
            await Assert.ThrowsAsync<ReplicaStoppedException>(() => replica.ReadBarrierAsync());
            Assert.Contains("No space left", Assert.Single(_logger.Lines(LogLevel.Critical)));
        }
        Assert.NotEmpty(acknowledged);
        _disk.FreeBytes = long.MaxValue;
        _disk.Restart(CrashKind.UnsyncedTorn);
        var machine = new ListMachine();
        await using var again = await Replica.OpenAsync(New() with { Start = ReplicaStart.Existing }, machine, _time, null, _logger);
        Assert.Equal(acknowledged, machine.Applied);
    }

    [Fact]
    public async Task A_failing_sync_stops_it_even_if_the_next_would_succeed()
    {
        await using (var replica = await Open(New()))
        {
            await Propose(replica, "kept");
            var failed = false;
            _disk.SyncFails = _ => !failed && (failed = true);
            await Assert.ThrowsAsync<ProposalDroppedException>(() => Propose(replica, "lost"));
            await Assert.ThrowsAsync<IOException>(() => replica.Stopped.WaitAsync(Patience));
            await Assert.ThrowsAsync<ReplicaStoppedException>(() => Propose(replica, "later"));
        }
        _disk.Restart(CrashKind.UnsyncedLost);
        var machine = new ListMachine();
        await using var again = await Replica.OpenAsync(New() with { Start = ReplicaStart.Existing }, machine, _time, null, _logger);
        Assert.Equal(["kept"], machine.Applied);
    }

    [Fact]
    public async Task What_a_restart_reads_after_a_failed_sync_survives_a_later_power_failure()
    {
        await using (var replica = await Open(New()))
        {
            await Propose(replica, "kept");
            _disk.SyncFails = path => path.EndsWith(".wal", StringComparison.Ordinal);
            await Assert.ThrowsAsync<ProposalDroppedException>(() => Propose(replica, "perhaps"));
        }
        _disk.SyncFails = _ => false;
        _disk.Restart(CrashKind.ProcessKilled);
        var machine = new ListMachine();
        await using (var again = await Replica.OpenAsync(New() with { Start = ReplicaStart.Existing }, machine, _time, null, _logger))
            await Propose(again, "later");
        _disk.Restart(CrashKind.UnsyncedLost);
        var last = new ListMachine();
        await using var third = await Replica.OpenAsync(New() with { Start = ReplicaStart.Existing }, last, _time, null, _logger);
        Assert.Contains("later", last.Applied);
        Assert.Equal(machine.Applied, last.Applied);
    }

    [Fact]
    public async Task A_state_machine_that_throws_stops_it()
    {
        await using var replica = await Replica.OpenAsync(New(), new ThrowingMachine(), _time, null, _logger);
        await Assert.ThrowsAsync<ProposalDroppedException>(() => Propose(replica, "x"));
        await Assert.ThrowsAsync<InvalidDataException>(() => replica.Stopped.WaitAsync(Patience));
    }

    [Fact]
    public async Task Idle_it_touches_the_disk_once_for_the_mark_and_then_never_again()
    {
        await using var replica = await Open(New());
        await Propose(replica, "one");
        var marks = _disk.SyncsOf(".mark");
        await Until(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return _disk.SyncsOf(".mark") > marks;
        });
        var operations = _disk.Operations;
        for (var i = 0; i < 100; i++)
            _time.Advance(TimeSpan.FromMinutes(1));
        await replica.ReadBarrierAsync().WaitAsync(Patience);
        Assert.Equal(operations, _disk.Operations);
        Assert.Equal(marks + 1, _disk.SyncsOf(".mark"));
    }

    [Fact]
    public async Task A_snapshot_is_written_beside_the_work_and_shortens_the_log()
    {
        var options = New() with { SnapshotInterval = 50, Log = new LogOptions { SegmentBytes = 500, LogEntriesForSlowFollowers = 10 } };
        await using (var replica = await Open(options))
        {
            _machine.SnapshotGate.Reset();
            for (var i = 0; i < 200; i++)
                await Propose(replica, $"entry {i}");
            Assert.Equal(2, _machine.Captures); // the empty one at the beginning, and one that is being written
            var segments = Count(".wal");
            _machine.SnapshotGate.Set();
            await Until(() => Count(".wal") < segments - 3);
            // The snapshot before goes last.
            await Until(() => Count(".snap") == 1);
        }
        _disk.Restart(CrashKind.UnsyncedLost);
        var machine = new ListMachine();
        await using var again = await Replica.OpenAsync(options with { Start = ReplicaStart.Existing }, machine, _time, null, _logger);
        Assert.Equal(1, machine.Restores);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"entry {i}"), machine.Applied);
    }

    [Fact]
    public async Task A_snapshot_is_taken_after_many_bytes_too()
    {
        await using var replica = await Open(New() with { SnapshotBytes = 10_000 });
        for (var i = 0; i < 15; i++)
            await Propose(replica, new string('x', 1000));
        await Until(() => _machine.Captures == 2);
    }

    [Fact]
    public async Task A_state_that_grows_is_written_only_when_it_has_doubled()
    {
        await using var replica = await Open(New() with { SnapshotBytes = 10_000 });
        for (var i = 0; i < 60; i++)
        {
            await Propose(replica, new string('x', 1000));
            await Until(() => _machine.Captures == 1 + _logger.Lines(LogLevel.Information).Count(l => l.Contains("wrote the snapshot", StringComparison.Ordinal)));
        }
        // The first is that of the empty group; then at 10, some 20 and some 40 entries of 1,000 bytes.
        Assert.Equal(4, _machine.Captures);
    }

    [Fact]
    public async Task A_snapshot_that_cannot_be_written_is_reported_and_tried_again()
    {
        await using var replica = await Open(New() with { SnapshotInterval = 20 });
        _disk.SyncFails = path => path.EndsWith(".tmp", StringComparison.Ordinal);
        for (var i = 0; i < 25; i++)
            await Propose(replica, $"entry {i}");
        await Until(() => _logger.Lines(LogLevel.Error).Any(l => l.Contains("Input/output error", StringComparison.Ordinal)));
        _disk.SyncFails = _ => false;
        await Until(() =>
        {
            Propose(replica, "more").Wait();
            return _logger.Lines(LogLevel.Information).Any(l => l.Contains("wrote the snapshot", StringComparison.Ordinal));
        });
        Assert.False(replica.Stopped.IsCompleted);
        Assert.Equal(0, Count(".tmp"));
    }

    [Fact]
    public async Task A_new_group_does_not_replace_one_that_is_there()
    {
        await using (await Open(New()))
        {
        }
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => Open(New()));
        Assert.Contains("there is a raft group here already", refusal.Message);
        Assert.True(Replica.Exists(_disk, "/raft"));
    }

    [Fact]
    public async Task Without_a_group_there_is_nothing_to_open()
    {
        Assert.False(Replica.Exists(_disk, "/raft"));
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => Open(New() with { Start = ReplicaStart.Existing }));
        Assert.Contains("there is no raft group here", refusal.Message);
    }

    [Fact]
    public async Task Proposals_are_bounded_in_size()
    {
        await using var replica = await Open(New() with { MaxProposalBytes = 100 });
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => Propose(replica, new string('x', 101)));
        Assert.Contains("101 bytes", refusal.Message);
        await Assert.ThrowsAsync<ArgumentException>(() => Propose(replica, ""));
    }

    [Fact]
    public async Task Cancelling_ends_the_waiting_and_nothing_else()
    {
        var gate = new ManualResetEventSlim(true);
        _disk.SyncFails = _ =>
        {
            gate.Wait();
            return false;
        };
        await using var replica = await Open(New());
        gate.Reset();
        using var cancellation = new CancellationTokenSource();
        var proposal = replica.ProposeAsync("one"u8.ToArray(), cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => proposal);
        gate.Set();
        await Propose(replica, "two");
        Assert.Equal("two", _machine.Applied[^1]);
    }

    [Fact]
    public async Task Closed_it_refuses()
    {
        var replica = await Open(New());
        await replica.DisposeAsync();
        await Assert.ThrowsAsync<ReplicaStoppedException>(() => Propose(replica, "x"));
        await replica.Stopped;
    }

    [Fact]
    public async Task A_change_of_the_membership_is_told_and_survives()
    {
        List<string> changes = [];
        var options = New() with { MembershipChanged = (change, membership) => changes.Add($"{change.Kind} {change.NodeId}: {membership}") };
        await using (var replica = await Open(options))
            await replica.ChangeMembershipAsync(new ConfChange(ConfChangeKind.AddLearner, 7)).WaitAsync(Patience);
        Assert.Equal(["AddLearner 7: voters [1] learners [7]"], changes);
        await using var again = await Open(New() with { Start = ReplicaStart.Existing });
        Assert.Equal(new Membership([1], [7]), again.Membership);
    }

    private static async Task<ulong> Propose(Replica replica, string text) =>
        await replica.ProposeAsync(Encoding.UTF8.GetBytes(text)).WaitAsync(Patience);

    private static async Task Until(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!condition())
            await Task.Delay(5, patience.Token);
    }

    private static ReplicaOptions New(SimulatedFileSystem disk) => new()
    {
        Directory = "/raft",
        NodeId = 1,
        Cipher = SteppedReplica.Cipher,
        Start = ReplicaStart.NewGroup,
        Files = disk,
    };

    private ReplicaOptions New() => New(_disk);

    private Task<Replica> Open(ReplicaOptions options) => Replica.OpenAsync(options, _machine, _time, null, _logger);

    private int Count(string extension) => _disk.Paths.Count(p => p.EndsWith(extension, StringComparison.Ordinal));

    private sealed class ThrowingMachine : IStateMachine
    {
        public void Apply(ulong index, ReadOnlyMemory<byte> entry) => throw new InvalidDataException("cannot apply this");

        public ISnapshotWriter CaptureSnapshot() => new ListMachine().CaptureSnapshot();

        public void Restore(ulong index, Stream snapshot)
        {
        }
    }
}
