using System.Collections.Concurrent;
using System.Runtime.Versioning;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Daemon;
using Skep.Log;
using Skep.Raft;
using Skep.State;
using Skep.Storage;
using Skep.UnitTests.Log;
using Xunit;

namespace Skep.UnitTests.Daemon;

/// <summary>Two versions of skepd in one quorum: what a newer one wrote stops an older one with a clear text, each time; nothing is guessed.</summary>
[SupportedOSPlatform("linux")]
public sealed class NewerFormatTests
{
    private const string Upgrade = "upgrade skepd on this host";

    [Fact]
    public async Task A_follower_that_gets_an_entry_of_a_newer_format_stops_before_it_and_says_so_at_every_start()
    {
        var disk = new SimulatedFileSystem();
        var store = new StateStore();
        var options = Options(disk, ReplicaStart.NewGroup);
        await using (var replica = await Replica.OpenAsync(options, new SwarmStateMachine(store), TimeProvider.System, null, NullLogger.Instance))
        {
            await replica.ProposeAsync(Entry(ClusterState.Format));
            await Assert.ThrowsAsync<Skep.Log.ProposalDroppedException>(() => replica.ProposeAsync(Entry(ClusterState.Format + 1)));
            var stopped = await Assert.ThrowsAsync<StateFormatException>(() => replica.Stopped);
            AssertSays("the log entry 4 is of format 3, this version of skepd knows formats up to 2", stopped);
            await Assert.ThrowsAsync<ReplicaStoppedException>(() => replica.ProposeAsync(Entry(ClusterState.Format)));
        }
        Assert.Equal(1ul, store.Read(state => state.Version));

        for (var start = 0; start < 3; start++)
        {
            var again = new StateStore();
            var refusal = await Assert.ThrowsAsync<StateFormatException>(() => Replica.OpenAsync(
                options with { Start = ReplicaStart.Existing }, new SwarmStateMachine(again), TimeProvider.System, null, NullLogger.Instance));
            AssertSays("the log entry 4 is of format 3", refusal);
            Assert.Equal(1ul, again.Read(state => state.Version));
        }
    }

    /// <summary>The leader is of the newer version, and knows what it writes.</summary>
    [Fact]
    public async Task In_one_quorum_the_older_member_stops_and_the_newer_one_goes_on()
    {
        var wire = new Wires();
        var newer = new ListMachine();
        var store = new StateStore();
        var files = new SimulatedFileSystem();
        await using var leader = await Replica.OpenAsync(Options(new SimulatedFileSystem(), ReplicaStart.NewGroup), newer, TimeProvider.System, wire, NullLogger.Instance);
        wire.Members[1] = leader;
        var options = Options(files, ReplicaStart.Join) with { NodeId = 2 };
        await using (var follower = await Replica.OpenAsync(options, new SwarmStateMachine(store), TimeProvider.System, wire, NullLogger.Instance))
        {
            wire.Members[2] = follower;
            await leader.ChangeMembershipAsync(new ConfChange(ConfChangeKind.AddLearner, 2));
            await leader.ProposeAsync(Entry(ClusterState.Format));
            await ManagerHost.UntilAsync(() => store.Read(state => state.Version) == 1);
            await leader.ProposeAsync(Entry(ClusterState.Format + 1));
            AssertSays("is of format 3, this version of skepd knows formats up to 2", await Assert.ThrowsAsync<StateFormatException>(() => follower.Stopped.WaitAsync(TimeSpan.FromSeconds(20))));
        }
        wire.Members.TryRemove(2, out _);
        Assert.Equal(1ul, store.Read(state => state.Version));
        await leader.ProposeAsync(Entry(ClusterState.Format + 1));
        AssertSays("upgrade", await Assert.ThrowsAsync<StateFormatException>(async () =>
        {
            // At once if it has noted that the entry is committed, else when it hears so.
            await using var older = await Replica.OpenAsync(options with { Start = ReplicaStart.Existing }, new SwarmStateMachine(new StateStore()), TimeProvider.System, wire, NullLogger.Instance);
            wire.Members[2] = older;
            await older.Stopped.WaitAsync(TimeSpan.FromSeconds(20));
        }));

        // With the newer version of skepd it goes on where it stopped.
        var upgraded = new ListMachine();
        await using var again = await Replica.OpenAsync(options with { Start = ReplicaStart.Existing }, upgraded, TimeProvider.System, wire, NullLogger.Instance);
        wire.Members[2] = again;
        await ManagerHost.UntilAsync(() => again.LastApplied == leader.LastApplied);
    }

    [Fact]
    public async Task A_manager_whose_log_has_a_newer_entry_does_not_go_on_alone_with_half_of_it()
    {
        var disk = new SimulatedFileSystem();
        var options = Options(disk, ReplicaStart.NewGroup);
        await using (var replica = await Replica.OpenAsync(options, new SwarmStateMachine(new StateStore()), TimeProvider.System, null, NullLogger.Instance))
            await Assert.ThrowsAsync<Skep.Log.ProposalDroppedException>(() => replica.ProposeAsync(Entry(ClusterState.Format + 1)));
        AssertSays("the log entry 3", Assert.Throws<StateFormatException>(() => OfflineLog.Replay(options, new SwarmStateMachine(new StateStore()), NullLogger.Instance)));
    }

    [Fact]
    public void A_snapshot_of_a_newer_format_is_refused_with_its_index()
    {
        using var newer = new MemoryStream();
        new SnapshotRecord { Header = new Skep.State.SnapshotHeader { Format = StateSnapshot.Format + 1 } }.WriteDelimitedTo(newer);
        newer.Position = 0;
        AssertSays("the snapshot of log entry 9 is of format 2", Assert.Throws<StateFormatException>(() => new SwarmStateMachine(new StateStore()).Restore(9, newer)));
    }

    private static void AssertSays(string what, Exception failure)
    {
        Assert.True(StartFailure.IsExpected(failure)); // one line on standard error, exit code 1
        var line = StartFailure.Describe(failure);
        Assert.Contains(what, line, StringComparison.Ordinal);
        Assert.Contains(Upgrade, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    private static ReplicaOptions Options(SimulatedFileSystem disk, ReplicaStart start) => SteppedReplica.Options(disk, start) with { NewFileId = Counter() };

    private static Func<ulong> Counter()
    {
        var next = 1ul;
        return () => next++;
    }

    private static byte[] Entry(uint format) => new Batch { Format = format, Mutations = { new Mutation { PutConfig = new PutConfig { Config = new Wire.Config { Id = "c", Spec = new Wire.ConfigSpec { Annotations = new Wire.Annotations { Name = "c" } } } } } } }.ToByteArray();

    /// <summary>Carries everything at once.</summary>
    private sealed class Wires : ITransport
    {
        public ConcurrentDictionary<ulong, Replica> Members { get; } = [];

        public void Send(IReadOnlyList<Message> messages)
        {
            foreach (var message in messages)
            {
                if (!Members.TryGetValue(message.To, out var to))
                    continue;
                if (message.Type == MessageType.Snapshot)
                    _ = Task.Run(() => SendSnapshotAsync(message, to));
                else
                    to.Step(message);
            }
        }

        private async Task SendSnapshotAsync(Message message, Replica to)
        {
            var (metadata, content) = Members[message.From].OpenSnapshot();
            await using (content)
            {
                // The newer member's own snapshots mean nothing to this test's older one: it begins with an empty state.
                using var empty = new MemoryStream();
                StateSnapshot.Capture(new ClusterState()).WriteTo(empty);
                empty.Position = 0;
                await to.ReceiveSnapshotAsync(message with { Snapshot = metadata }, empty);
            }
            await Members[message.From].ReportSnapshotAsync(message.To, true);
        }
    }
}
