using Microsoft.Extensions.Logging.Abstractions;
using Skep.Log;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>What the core reads back is what it asked to persist.</summary>
public sealed class LogStoreTests
{
    private readonly SimulatedFileSystem _disk = new();
    private readonly LogOptions _options = new() { SegmentBytes = 2000, LogEntriesForSlowFollowers = 10, MaxEntryDataBytes = 300 };

    [Fact]
    public void A_rewritten_suffix_replaces_what_was_there()
    {
        using (var store = Bootstrapped())
        {
            store.Persist(Ready([.. Entries(1, 2, 10)], new HardState(1, 1, 1)));
            store.Persist(Ready([.. Entries(2, 5, 6)], new HardState(2, 0, 4)));
            Assert.Equal(6UL, store.LastIndex);
        }
        using var again = Opener().Open();
        Assert.Equal(6UL, again.LastIndex);
        Assert.Equal([1, 1, 1, 2, 2], Enumerable.Range(2, 5).Select(i => (int)again.Term((ulong)i)));
        Assert.Equal(new HardState(2, 0, 4), again.InitialState().HardState);
    }

    [Fact]
    public void Only_what_must_be_durable_is_written_and_with_one_sync()
    {
        using var store = Bootstrapped();
        var before = _disk.SyncsOf(".wal");
        store.Persist(Ready([.. Entries(1, 2, 500)], new HardState(1, 1, 1)));
        Assert.Equal(before + 1, _disk.SyncsOf(".wal"));
        store.Persist(new Ready { HardState = new HardState(1, 1, 500) });
        Assert.Equal(before + 1, _disk.SyncsOf(".wal"));
        store.Close();
        using var again = Opener().Open();
        Assert.Equal(500UL, again.InitialState().HardState.Commit);
    }

    [Fact]
    public void A_vote_is_durable_when_it_is_persisted()
    {
        using (var store = Bootstrapped())
            store.Persist(new Ready { HardState = new HardState(7, 3, 1), MustSync = true });
        _disk.Restart(CrashKind.UnsyncedLost);
        using var again = Opener().Open();
        Assert.Equal(new HardState(7, 3, 1), again.InitialState().HardState);
    }

    [Fact]
    public void Entries_that_are_not_held_in_memory_are_read_from_disk()
    {
        using var store = Bootstrapped();
        for (var index = 2UL; index <= 200; index += 3)
            store.Persist(Ready([.. Entries(1, index, index + 2)], new HardState(1, 1, 1)));
        store.Applied(150);
        Assert.True(store.EntryDataBytes < 6000);
        Assert.Equal(Entries(1, 2, 200), store.Entries(2, 201, ulong.MaxValue));
    }

    [Fact]
    public void Entries_not_yet_applied_stay_in_memory()
    {
        using var store = Bootstrapped();
        store.Persist(Ready([.. Entries(1, 2, 100)], new HardState(1, 1, 1)));
        var all = store.EntryDataBytes;
        store.Applied(1);
        Assert.Equal(all, store.EntryDataBytes);
    }

    [Fact]
    public void Compaction_keeps_entries_for_slow_followers_and_whole_segments_only()
    {
        using var store = Bootstrapped();
        for (var index = 2UL; index <= 400; index++)
            store.Persist(Ready([.. Entries(1, index, index)], new HardState(1, 1, index - 1)));
        var segments = store.SegmentCount;
        var metadata = new SnapshotMetadata(300, 1, new Membership([1]));
        store.WriteSnapshot(metadata, s => s.Write("state"u8), CancellationToken.None);
        store.SnapshotWritten(metadata);
        Assert.Equal(291UL, store.FirstIndex);
        Assert.Equal(1UL, store.Term(290));
        Assert.True(store.SegmentCount < segments / 2);
        using var again = Opener().Open();
        Assert.InRange(again.FirstIndex, 200UL, 291UL);
        Assert.Equal(Entries(1, 291, 400), again.Entries(291, 401, ulong.MaxValue));
    }

    [Fact]
    public void A_received_snapshot_replaces_the_log_even_if_it_stops_before_that_is_noted()
    {
        var snapshot = new SnapshotMetadata(50, 3, new Membership([1, 2], [3]));
        using (var store = Bootstrapped())
        {
            store.Persist(Ready([.. Entries(1, 2, 10)], new HardState(1, 1, 1)));
            store.ReceiveSnapshot(snapshot, s => s.Write("their state"u8), CancellationToken.None);
        }
        using (var again = Opener().Open())
        {
            Assert.Equal(51UL, again.FirstIndex);
            Assert.Equal(50UL, again.LastIndex);
            Assert.Equal(3UL, again.Term(50));
            Assert.Equal((new HardState(3, 0, 50), snapshot), again.InitialState());
            again.Persist(Ready([.. Entries(3, 51, 53)], new HardState(3, 2, 50)));
        }
        using var third = Opener().Open();
        Assert.Equal(53UL, third.LastIndex);
        using var content = new StreamReader(third.OpenSnapshot(third.Snapshot));
        Assert.Equal("their state", content.ReadToEnd());
    }

    [Fact]
    public void A_received_snapshot_does_not_end_a_change_of_the_key_while_an_older_one_needs_the_old_key()
    {
        var options = _options with { KeepOldSnapshots = 1 };
        var next = new AesGcmRecordCipher(Enumerable.Repeat((byte)9, AesGcmRecordCipher.KeyBytes).ToArray());
        var resealed = 0;
        var id = 1UL;
        LogStoreOpener Opener(params IRecordCipher[] ciphers) =>
            new(_disk, "/raft", 1, new CipherRing(ciphers[0], ciphers[1..]), options, () => id++, NullLogger.Instance);
        using (var store = Opener(SteppedReplica.Cipher).Bootstrap(1, s => s.Write("empty"u8)))
        {
            store.Resealed = _ => resealed++;
            store.Persist(Ready([.. Entries(1, 2, 10)], new HardState(1, 1, 1)));
            store.ChangeCipher(next);
            var received = new SnapshotMetadata(50, 3, new Membership([1, 2]));
            store.ReceiveSnapshot(received, s => s.Write("their state"u8), CancellationToken.None);
            store.Persist(new Ready { Snapshot = received, HardState = new HardState(3, 0, 50), MustSync = true });
            Assert.Equal(0, resealed);
        }
        Assert.Throws<LogVersionException>(() => new SnapshotStore(_disk, "/raft/snapshots", new CipherRing(next, []), () => id++, NullLogger.Instance).Verify(new LogBase(1, 1)));
        using (var again = Opener(next, SteppedReplica.Cipher).Open())
        {
            again.Resealed = _ => resealed++;
            again.Persist(Ready([.. Entries(3, 51, 60)], new HardState(3, 2, 55)));
            var own = new SnapshotMetadata(55, 3, new Membership([1, 2]));
            again.WriteSnapshot(own, s => s.Write("state"u8), CancellationToken.None);
            again.SnapshotWritten(own);
            Assert.Equal(1, resealed);
        }
        using var last = Opener(next).Open();
        Assert.Equal(60UL, last.LastIndex);
    }

    [Fact]
    public void A_large_snapshot_is_read_back_as_it_was_written()
    {
        var state = new byte[300_001];
        new Random(3).NextBytes(state);
        using var store = Bootstrapped();
        var metadata = new SnapshotMetadata(9, 1, new Membership([1], [4, 5]));
        store.WriteSnapshot(
            metadata,
            stream =>
            {
                foreach (var part in state.Chunk(7001))
                    stream.Write(part);
            },
            CancellationToken.None);
        using var content = store.OpenSnapshot(metadata);
        using var copy = new MemoryStream();
        content.CopyTo(copy);
        Assert.Equal(state, copy.ToArray());
    }

    /// <summary>Random appends, rewrites, snapshots and restarts, beside a model in memory.</summary>
    [Fact]
    public void It_answers_like_a_log_in_memory()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var disk = new SimulatedFileSystem { Random = random };
            var store = Opener(disk).Bootstrap(1, _ => { });
            var model = MemoryLog.Bootstrap(1);
            var term = 1UL;
            for (var step = 0; step < 120; step++)
            {
                switch (random.Next(12))
                {
                    case 0:
                        store.Dispose();
                        disk.Restart((CrashKind)random.Next(3));
                        store = Opener(disk).Open();
                        break;
                    case 1 when model.LastIndex > model.Snapshot.Index + 3:
                        var index = model.Snapshot.Index + 1 + (ulong)random.Next((int)(model.LastIndex - model.Snapshot.Index));
                        var metadata = new SnapshotMetadata(index, model.Term(index), new Membership([1]));
                        store.WriteSnapshot(metadata, s => s.WriteByte(1), CancellationToken.None);
                        store.SnapshotWritten(metadata);
                        model.CreateSnapshot(index, metadata.Membership);
                        store.Applied(index);
                        break;
                    default:
                        // A leader of a new term may replace what was not committed; what a snapshot holds was.
                        var first = model.LastIndex + 1;
                        if (random.Next(4) == 0)
                        {
                            term++;
                            first = model.Snapshot.Index + 1 + (ulong)random.Next((int)(model.LastIndex - model.Snapshot.Index) + 1);
                        }
                        var ready = Ready([.. Entries(term, first, first + (ulong)random.Next(6))], new HardState(term, 1, model.Snapshot.Index));
                        store.Persist(ready);
                        model.Persist(ready);
                        break;
                }
                Assert.Equal(model.LastIndex, store.LastIndex);
                Assert.True(store.FirstIndex <= Math.Max(model.FirstIndex, model.Snapshot.Index + 1));
                var lo = Math.Max(store.FirstIndex, model.FirstIndex);
                Assert.Equal(model.Entries(lo, model.LastIndex + 1, 500), store.Entries(lo, store.LastIndex + 1, 500));
                for (var i = lo; i <= model.LastIndex; i++)
                    Assert.Equal(model.Term(i), store.Term(i));
            }
            store.Dispose();
        }
    }

    private static IEnumerable<Entry> Entries(ulong term, ulong first, ulong last)
    {
        for (var index = first; index <= last; index++)
            yield return new Entry(term, index, EntryKind.Normal, Enumerable.Repeat((byte)(index + term), (int)(index % 40)).ToArray());
    }

    private static Ready Ready(IReadOnlyList<Entry> entries, HardState hardState) =>
        new() { Entries = entries, HardState = hardState, MustSync = true };

    private LogStore Bootstrapped() => Opener().Bootstrap(1, _ => { });

    private LogStoreOpener Opener(SimulatedFileSystem? disk = null)
    {
        var id = 1UL;
        return new LogStoreOpener(
            disk ?? _disk, "/raft", 1, new CipherRing(SteppedReplica.Cipher, []), _options, () => id++, NullLogger.Instance);
    }
}
