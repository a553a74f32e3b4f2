using System.Text;
using Skep.Log;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>A running replica changes its key; a key file beside it (here: the numbers of the keys) always has what the disk needs.</summary>
public sealed class RotationTests
{
    private const int Batches = 26;

    [Theory]
    [InlineData(CrashKind.ProcessKilled, 0)]
    [InlineData(CrashKind.UnsyncedLost, 0)]
    [InlineData(CrashKind.UnsyncedTorn, 0)]
    [InlineData(CrashKind.UnsyncedLost, 2)]
    [InlineData(CrashKind.UnsyncedTorn, 2)]
    public void Wherever_it_crashes_the_keys_on_disk_open_it_and_nothing_acknowledged_is_lost(CrashKind kind, int keepOldSnapshots)
    {
        var whole = new Run(keepOldSnapshots, seed: 0);
        whole.Proceed(null, kind);
        Assert.True(whole.Disk.Operations > 150, $"only {whole.Disk.Operations} operations");
        for (var at = 1; at <= whole.Disk.Operations; at++)
        {
            var run = new Run(keepOldSnapshots, seed: at);
            run.Proceed(at, kind);
            run.Proceed(run.Disk.Operations + 1 + (at % 23), kind); // once more, in the recovery or soon after it
            run.Proceed(null, kind);
            run.Verify();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_changed_key_seals_everything_anew_at_once(int keepOldSnapshots)
    {
        var disk = new SimulatedFileSystem();
        var unused = new List<ulong>();
        var options = SteppedReplica.Options(disk, ReplicaStart.NewGroup) with { OlderCiphersUnused = c => unused.Add(c.KeyId) };
        options = options with { Log = options.Log with { KeepOldSnapshots = keepOldSnapshots } };
        List<string> acknowledged = [];
        using (var replica = new SteppedReplica(options, new RecordingLogger()))
        {
            for (var i = 0; i < 107; i++)
                replica.Propose([$"entry {i}"], acknowledged);
            var first = replica.Store.FirstIndex;
            replica.Loop.ChangeCipher(Cipher(2));

            Assert.Equal([Cipher(2).KeyId], unused);
            Assert.Equal(1 + keepOldSnapshots, disk.Paths.Count(p => p.EndsWith(".snap", StringComparison.Ordinal)));
            Assert.True(replica.Store.FirstIndex >= first);
            Assert.True(replica.Store.LastIndex - replica.Store.FirstIndex >= 4); // slow followers are still served
            replica.Propose(["after it"], acknowledged);
        }
        Assert.All(Headers(disk), h => Assert.Equal((1, Cipher(2).KeyId), h));

        using var again = new SteppedReplica(options with { Start = ReplicaStart.Existing, Cipher = Cipher(2) }, new RecordingLogger());
        Assert.Equal(acknowledged, again.Machine.Applied);
        Assert.Single(unused);
    }

    [Fact]
    public void Of_older_snapshots_too_each_can_still_be_used()
    {
        var disk = new SimulatedFileSystem();
        var options = SteppedReplica.Options(disk, ReplicaStart.NewGroup);
        options = options with { Log = options.Log with { KeepOldSnapshots = 2 } };
        List<string> acknowledged = [];
        using (var replica = new SteppedReplica(options, new RecordingLogger()))
        {
            for (var i = 0; i < 107; i++)
                replica.Propose([$"entry {i}"], acknowledged);
            replica.Loop.ChangeCipher(Cipher(2));
        }
        var newest = disk.Paths.Last(p => p.EndsWith(".snap", StringComparison.Ordinal));
        disk.FlipBit(newest, disk.LengthOf(newest) / 2, 3);

        using var again = new SteppedReplica(options with { Start = ReplicaStart.Existing, Cipher = Cipher(2) }, new RecordingLogger());
        Assert.Equal(acknowledged, again.Machine.Applied);
    }

    [Fact]
    public void A_log_from_before_there_were_keys_opens_and_is_encrypted_by_its_next_start()
    {
        var disk = new SimulatedFileSystem();
        List<string> acknowledged = [];
        var plain = SteppedReplica.Options(disk, ReplicaStart.NewGroup) with { Cipher = PlainRecordCipher.Instance };
        using (var replica = new SteppedReplica(plain, new RecordingLogger()))
        {
            for (var i = 0; i < 33; i++)
                replica.Propose([$"marker {i}"], acknowledged);
        }
        Assert.Contains(disk.Paths, p => Encoding.Latin1.GetString(disk.Content(p)).Contains("marker", StringComparison.Ordinal));

        var unused = 0;
        var options = plain with { Start = ReplicaStart.Existing, Cipher = Cipher(1), OlderCiphers = [PlainRecordCipher.Instance], OlderCiphersUnused = _ => unused++ };
        using (var replica = new SteppedReplica(options, new RecordingLogger()))
        {
            Assert.Equal(acknowledged, replica.Machine.Applied);
            Assert.Equal(1, unused);
            Assert.DoesNotContain(disk.Paths, p => Encoding.Latin1.GetString(disk.Content(p)).Contains("marker", StringComparison.Ordinal));
        }
        Assert.All(Headers(disk), h => Assert.Equal((1, Cipher(1).KeyId), h));
        using var again = new SteppedReplica(options with { OlderCiphers = [] }, new RecordingLogger());
        Assert.Equal(acknowledged, again.Machine.Applied);
    }

    [Fact]
    public void A_key_that_nothing_on_disk_needs_is_given_up_at_once()
    {
        var disk = new SimulatedFileSystem();
        using (var replica = new SteppedReplica(SteppedReplica.Options(disk, ReplicaStart.NewGroup), new RecordingLogger()))
            replica.Propose(["one"], []);
        var unused = 0;
        using var again = new SteppedReplica(
            SteppedReplica.Options(disk) with { OlderCiphers = [Cipher(7)], OlderCiphersUnused = _ => unused++ }, new RecordingLogger());
        Assert.Equal(1, unused);
        Assert.Equal(0, again.Machine.Captures);
    }

    [Fact]
    public void What_is_too_much_for_one_frame_waits_for_the_next_snapshot_and_keeps_the_old_key()
    {
        var disk = new SimulatedFileSystem();
        var unused = 0;
        var options = SteppedReplica.Options(disk, ReplicaStart.NewGroup) with { SnapshotInterval = 6, OlderCiphersUnused = _ => unused++ };
        options = options with { Log = new LogOptions { SegmentBytes = 1 << 20, LogEntriesForSlowFollowers = 1, KeepOldSnapshots = 1, MaxResealedBytes = 3000 } };
        using var replica = new SteppedReplica(options, new RecordingLogger());
        void Propose(string name, int length)
        {
            List<string> acknowledged = [];
            replica.Propose([name + new string('x', length)], acknowledged);
            Assert.Single(acknowledged);
        }
        for (var i = 0; i < 5; i++)
            Propose($"big {i}", 1000); // before the second snapshot, so they are kept for the first
        replica.Loop.ChangeCipher(Cipher(2));
        Assert.Equal(0, unused);
        for (var i = 0; i < 30; i++)
            Propose($"small {i}", 0);
        Assert.Equal(1, unused);
        Assert.All(Headers(disk), h => Assert.Equal((1, Cipher(2).KeyId), h));
    }

    [Fact]
    public async Task A_replica_with_its_own_thread_changes_its_key_while_it_works()
    {
        var disk = new SimulatedFileSystem();
        var resealed = new TaskCompletionSource<ulong>();
        var machine = new ListMachine();
        var options = SteppedReplica.Options(disk, ReplicaStart.NewGroup) with { OlderCiphersUnused = c => resealed.TrySetResult(c.KeyId) };
        await using (var replica = await Replica.OpenAsync(options, machine, TimeProvider.System, null, new RecordingLogger()))
        {
            var writing = Task.Run(async () =>
            {
                for (var i = 0; i < 400; i++)
                    await replica.ProposeAsync(Encoding.UTF8.GetBytes($"entry {i}"));
            });
            await replica.ChangeCipherAsync(Cipher(2));
            Assert.Equal(Cipher(2).KeyId, await resealed.Task.WaitAsync(TimeSpan.FromSeconds(20)));
            await writing;
        }
        var opened = new ListMachine();
        await using var again = await Replica.OpenAsync(options with { Start = ReplicaStart.Existing, Cipher = Cipher(2) }, opened, TimeProvider.System, null, new RecordingLogger());
        Assert.Equal(machine.Applied, opened.Applied);
    }

    private static AesGcmRecordCipher Cipher(int number) => new([.. Enumerable.Repeat((byte)number, AesGcmRecordCipher.KeyBytes)]);

    // Scheme and key id of every file.
    private static IEnumerable<(int Scheme, ulong KeyId)> Headers(SimulatedFileSystem disk) =>
        from path in disk.Paths
        let content = disk.Content(path)
        where path.EndsWith(".snap", StringComparison.Ordinal) || path.EndsWith(".wal", StringComparison.Ordinal)
        select ((int)content[9], BitConverter.ToUInt64(content, path.EndsWith(".snap", StringComparison.Ordinal) ? 16 : 48));

    private sealed class Run(int keepOldSnapshots, int seed) : CrashRun(Batches, keepOldSnapshots, seed)
    {
        private const string KeyFile = "/keys/numbers";

        public override void Verify()
        {
            base.Verify();
            var key = Assert.Single(Keys());
            Assert.All(Headers(Disk), h => Assert.Equal((1, Cipher(key).KeyId), h));
        }

        protected override ReplicaOptions Options()
        {
            if (Keys().Count == 0)
                Store([1]);
            var ciphers = Keys().Select(Cipher).ToList();
            return base.Options() with
            {
                Cipher = ciphers[0],
                OlderCiphers = ciphers[1..],
                OlderCiphersUnused = c => Store([Keys().Single(k => Cipher(k).KeyId == c.KeyId)]),
            };
        }

        protected override void AfterBatch(SteppedReplica replica, int batch)
        {
            if (batch is not (3 or 11 or 12 or 20))
                return;
            var keys = Keys();
            var next = keys[0] + 1;
            Store([next, .. keys]);
            replica.Loop.ChangeCipher(Cipher(next));
        }

        private List<int> Keys() => Disk.Exists(KeyFile) ? [.. Disk.Content(KeyFile).Select(b => (int)b)] : [];

        private void Store(IEnumerable<int> keys)
        {
            Disk.CreateDirectory("/keys");
            Disk.Delete(KeyFile + ".tmp");
            using (var file = Disk.Create(KeyFile + ".tmp"))
            {
                file.Write(0, [.. keys.Select(k => (byte)k)]);
                file.Sync();
            }
            Disk.Rename(KeyFile + ".tmp", KeyFile);
            Disk.SyncDirectory("/keys");
        }
    }
}
