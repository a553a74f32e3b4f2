using System.IO.Hashing;
using Skep.Log;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>Damage of a log that is encrypted, as managers' are.</summary>
public sealed class SealedDamageTests() : DamageTests(SteppedReplica.Cipher);

/// <summary>Damage of a log from before there were keys.</summary>
public sealed class PlainDamageTests() : DamageTests(PlainRecordCipher.Instance);

/// <summary>What is damaged after it was acknowledged is reported and refused; what was never acknowledged is cut.</summary>
public abstract class DamageTests(IRecordCipher cipher)
{
    private const string Wal = "/raft/wal/";
    private const string Mark = Wal + "synced.mark";

    [Fact]
    public void A_flipped_bit_anywhere_in_the_log_is_refused_with_one_line_that_names_the_file()
    {
        var (disk, _) = Written();
        var segments = Segments(disk);
        Assert.True(segments.Count > 1);
        foreach (var path in segments)
        {
            for (var offset = 0L; offset < disk.LengthOf(path); offset++)
            {
                var copy = disk.Copy();
                copy.FlipBit(path, offset, (int)(offset % 8));
                AssertRefused(copy, path);
            }
        }
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_the_only_snapshot_is_refused()
    {
        var (disk, _) = Written();
        var path = Assert.Single(disk.Paths, p => p.EndsWith(".snap", StringComparison.Ordinal));
        for (var offset = 0L; offset < disk.LengthOf(path); offset++)
        {
            var copy = disk.Copy();
            copy.FlipBit(path, offset, (int)(offset % 8));
            AssertRefused(copy, path);
        }
    }

    [Fact]
    public void A_flipped_bit_in_the_mark_costs_a_warning_and_nothing_else()
    {
        var (disk, acknowledged) = Written();
        for (var offset = 0L; offset < SyncMark.Size; offset++)
        {
            var copy = disk.Copy();
            copy.FlipBit(Mark, offset, (int)(offset % 8));
            var logger = new RecordingLogger();
            using var replica = new SteppedReplica(Options(copy), logger);
            Assert.Equal(acknowledged, replica.Machine.Applied);
            Assert.Contains(logger.Warnings, w => w.Contains(Mark));
        }
    }

    [Fact]
    public void A_log_that_is_shorter_than_what_was_acknowledged_is_refused()
    {
        var (disk, _) = Written();
        var path = Segments(disk)[^1];
        var content = disk.Content(path);
        for (var length = 0; length < content.Length; length++)
        {
            var copy = disk.Copy();
            copy.Replace(path, content[..length]);
            AssertRefused(copy, path);
        }
    }

    [Fact]
    public void A_write_that_was_torn_before_it_was_acknowledged_is_cut_with_a_warning()
    {
        var (disk, acknowledged) = Written();
        var path = Segments(disk)[^1];
        var before = disk.Content(path);
        var mark = disk.Content(Mark);
        using (var replica = new SteppedReplica(InOneSegment(disk), new RecordingLogger()))
            replica.Propose(["the last one"], []);
        var written = disk.Content(path);
        Assert.True(written.Length > before.Length + 50, "the batch went to another segment");

        var warnings = 0;
        for (var length = before.Length + 1; length < written.Length; length++)
        {
            // Stopped in the middle of the write: the mark says nothing of it yet. Where it stops between two frames there is nothing to cut.
            var torn = disk.Copy();
            torn.Replace(path, written[..length]);
            torn.Replace(Mark, mark);
            var logger = new RecordingLogger();
            using var replica = new SteppedReplica(Options(torn), logger);
            Assert.Equal(acknowledged, replica.Machine.Applied);
            warnings += logger.Warnings.Count(w => w.Contains("torn", StringComparison.Ordinal) && w.Contains(path, StringComparison.Ordinal));
        }
        Assert.InRange(warnings, written.Length - before.Length - 5, written.Length - before.Length - 1);
    }

    [Fact]
    public void Garbage_after_the_end_is_cut_and_the_log_goes_on()
    {
        var (disk, acknowledged) = Written();
        var path = Segments(disk)[^1];
        var garbage = new byte[1000];
        new Random(5).NextBytes(garbage);
        disk.Replace(path, [.. disk.Content(path), .. garbage]);
        using (var replica = new SteppedReplica(Options(disk), new RecordingLogger()))
            replica.Propose(["after the garbage"], acknowledged);
        using var again = new SteppedReplica(Options(disk), new RecordingLogger());
        Assert.Equal(acknowledged, again.Machine.Applied);
    }

    [Fact]
    public void A_frame_that_stands_in_another_place_does_not_pass()
    {
        var (disk, acknowledged) = Written();
        var path = Segments(disk)[^1];
        var content = disk.Content(path);
        disk.Replace(path, [.. content, .. content[SegmentHeader.Size..]]);
        var logger = new RecordingLogger();
        using var replica = new SteppedReplica(Options(disk), logger);
        Assert.Equal(acknowledged, replica.Machine.Applied);
        Assert.Contains(logger.Warnings, w => w.Contains("torn", StringComparison.Ordinal));
    }

    /// <summary>The honest limit, see <see cref="WriteAheadLogOpener"/>: it takes a power failure within a second and damage of that very frame.</summary>
    [Fact]
    public void Only_damage_of_the_very_last_frame_passes_for_a_torn_write_and_only_if_the_mark_is_old()
    {
        var (disk, acknowledged) = Written();
        var path = Segments(disk)[^1];
        var start = disk.LengthOf(path);
        var oldMark = disk.Content(Mark);
        using (var replica = new SteppedReplica(InOneSegment(disk), new RecordingLogger()))
        {
            replica.Propose(["one"], acknowledged);
            replica.Propose(["two"], acknowledged);
        }
        disk.Replace(Mark, oldMark);
        var last = disk.LengthOf(path) - 10;

        var damagedEarlier = disk.Copy();
        damagedEarlier.FlipBit(path, start + 30, 0);
        AssertRefused(damagedEarlier, path);

        var damagedLast = disk.Copy();
        damagedLast.FlipBit(path, last, 0);
        var logger = new RecordingLogger();
        using var opened = new SteppedReplica(Options(damagedLast), logger);
        Assert.Equal(acknowledged.SkipLast(1), opened.Machine.Applied);
        Assert.Contains(logger.Warnings, w => w.Contains("torn", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_segment_is_refused()
    {
        var (disk, acknowledged) = Written();
        var refused = 0;
        foreach (var path in Segments(disk))
        {
            var copy = disk.Copy();
            copy.Delete(path);
            try
            {
                // The oldest may hold nothing but entries that the snapshot covers.
                using var replica = new SteppedReplica(Options(copy), new RecordingLogger());
                Assert.Equal(Segments(disk)[0], path);
                Assert.Equal(acknowledged, replica.Machine.Applied);
            }
            catch (LogCorruptException)
            {
                refused++;
            }
        }
        Assert.True(refused >= Segments(disk).Count - 1);
    }

    [Fact]
    public void A_snapshot_without_its_log_is_refused()
    {
        var (disk, _) = Written();
        foreach (var path in disk.Paths.Where(p => p.StartsWith(Wal, StringComparison.Ordinal)))
            disk.Delete(path);
        AssertRefused(disk, ".snap");
    }

    [Fact]
    public void A_log_without_its_snapshot_is_refused()
    {
        var (disk, _) = Written();
        disk.Delete(disk.Paths.Single(p => p.EndsWith(".snap", StringComparison.Ordinal)));
        AssertRefused(disk, "no snapshot");
    }

    [Fact]
    public void A_segment_of_another_log_is_refused()
    {
        var (disk, _) = Written();
        var other = new SimulatedFileSystem();
        var id = 77UL;
        var options = Options(other, ReplicaStart.NewGroup) with { NewFileId = () => id++ };
        using (var replica = new SteppedReplica(options, new RecordingLogger()))
        {
            for (var i = 0; i < 60; i++)
                replica.Propose([$"other {i}"], []);
        }
        var path = Segments(disk)[^1];
        var same = Segments(other).Single(p => p == path);
        disk.Replace(path, other.Content(same));
        AssertRefused(disk, path);
    }

    [Fact]
    public void A_damaged_newest_snapshot_is_passed_over_if_an_older_one_and_the_log_hold_the_same()
    {
        var (disk, acknowledged) = Written(keepOldSnapshots: 1);
        var snapshots = disk.Paths.Where(p => p.EndsWith(".snap", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, snapshots.Count);
        disk.FlipBit(snapshots[^1], 100, 3);
        var logger = new RecordingLogger();
        using var replica = new SteppedReplica(Options(disk), logger);
        Assert.Equal(acknowledged, replica.Machine.Applied);
        Assert.Contains(logger.Warnings, w => w.Contains(snapshots[^1], StringComparison.Ordinal));

        disk.FlipBit(disk.Paths.First(p => p.EndsWith(".snap", StringComparison.Ordinal)), 100, 3);
        AssertRefused(disk, ".snap");
    }

    [Theory]
    [InlineData(".wal")]
    [InlineData(".snap")]
    public void A_newer_format_is_told_from_damage(string extension)
    {
        var (disk, _) = Written();
        var path = disk.Paths.Last(p => p.EndsWith(extension, StringComparison.Ordinal));
        var content = disk.Content(path);
        var headerLength = extension == ".wal" ? SegmentHeader.Size : BitConverter.ToInt32(content, 12);
        content[8]++;
        BitConverter.TryWriteBytes(content.AsSpan(headerLength - 8), XxHash3.HashToUInt64(content.AsSpan(0, headerLength - 8)));
        disk.Replace(path, content);
        var refusal = Assert.Throws<LogVersionException>(() => new SteppedReplica(Options(disk), new RecordingLogger()));
        Assert.Contains($"{path} is of", refusal.Message);
        Assert.Contains("format 2, this skepd knows 1; upgrade skepd on this host", refusal.Message);
    }

    [Fact]
    public void The_log_of_another_member_is_refused()
    {
        var (disk, _) = Written();
        var refusal = Assert.Throws<LogVersionException>(
            () => new SteppedReplica(Options(disk) with { NodeId = 2 }, new RecordingLogger()));
        Assert.Contains("belongs to raft member 1, not to 2", refusal.Message);
    }

    private static List<string> Segments(SimulatedFileSystem disk) => [.. disk.Paths.Where(p => p.EndsWith(".wal", StringComparison.Ordinal))];

    private ReplicaOptions Options(SimulatedFileSystem disk, ReplicaStart start = ReplicaStart.Existing) =>
        SteppedReplica.Options(disk, start) with { Cipher = cipher };

    private ReplicaOptions InOneSegment(SimulatedFileSystem disk) =>
        Options(disk) with { SnapshotInterval = 1000, Log = new LogOptions { SegmentBytes = 1 << 20 } };

    // Several segments and a snapshot; then the process is killed.
    private (SimulatedFileSystem Disk, List<string> Acknowledged) Written(int keepOldSnapshots = 0)
    {
        var disk = new SimulatedFileSystem();
        List<string> acknowledged = [];
        var options = Options(disk, ReplicaStart.NewGroup);
        options = options with { Log = options.Log with { KeepOldSnapshots = keepOldSnapshots } };
        using (var replica = new SteppedReplica(options, new RecordingLogger()))
        {
            for (var i = 0; i < 58; i++)
                replica.Propose([$"entry {i}"], acknowledged);
        }
        disk.Restart(CrashKind.ProcessKilled);
        Assert.Equal(58, acknowledged.Count);
        return (disk, acknowledged);
    }

    private void AssertRefused(SimulatedFileSystem disk, string named)
    {
        var refusal = Assert.Throws<LogCorruptException>(() => new SteppedReplica(Options(disk), new RecordingLogger()));
        Assert.Contains(named, refusal.Message);
        Assert.Contains("backup", refusal.Message);
        Assert.DoesNotContain('\n', refusal.Message);
    }
}
