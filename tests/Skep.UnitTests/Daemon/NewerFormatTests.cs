using System.Runtime.Versioning;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Daemon;
using Skep.Log;
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
            AssertSays("the log entry 4 is of format 2, this version of skepd knows formats up to 1", stopped);
            await Assert.ThrowsAsync<ReplicaStoppedException>(() => replica.ProposeAsync(Entry(ClusterState.Format)));
        }
        Assert.Equal(1ul, store.Read(state => state.Version));

        for (var start = 0; start < 3; start++)
        {
            var again = new StateStore();
            var refusal = await Assert.ThrowsAsync<StateFormatException>(() => Replica.OpenAsync(
                options with { Start = ReplicaStart.Existing }, new SwarmStateMachine(again), TimeProvider.System, null, NullLogger.Instance));
            AssertSays("the log entry 4 is of format 2", refusal);
            Assert.Equal(1ul, again.Read(state => state.Version));
        }
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
        new SnapshotRecord { Header = new Skep.State.SnapshotHeader { Format = ClusterState.Format + 1 } }.WriteDelimitedTo(newer);
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
}
