using Microsoft.Extensions.Logging;

namespace Skep.Log;

/// <summary>
/// Makes a log, or opens one after a stop of any kind and decides what damage means. The rules:
/// a frame is written only after the one before it was synced, and a segment only after the one before it was complete. So damage
/// (1) in any but the newest segment, (2) before a sound frame, or (3) before the place up to which <see cref="SyncMark"/> says the log was
/// synced, is damage of something acknowledged, and the log is refused. All other damage is at the very end
/// and was never acknowledged: it is cut, with a warning. What remains undetectable: damage of the very last frame, when a power failure within
/// about a second after its acknowledgement also kept the mark from reaching the disk.
/// </summary>
internal sealed class WriteAheadLogOpener(
    IFileSystem files, string directory, ulong nodeId, CipherRing ciphers, long segmentBytes, ILogger logger)
{
    private readonly List<string> _ignored = [];

    private string MarkPath => Path.Combine(directory, SyncMark.FileName);

    /// <summary>Whether there is any trace of a log.</summary>
    public bool Exists() => files.List(directory).Any(n => Segment.TryParseName(n, out _));

    /// <summary>Removes every trace of a log.</summary>
    public void Delete()
    {
        files.Delete(MarkPath);
        foreach (var name in files.List(directory).Where(n => Segment.TryParseName(n, out _)))
            files.Delete(Path.Combine(directory, name));
        files.SyncDirectory(directory);
    }

    /// <summary>Removes the segments before a gap. Only once it is known that nothing is missing without them.</summary>
    public void DeleteIgnored()
    {
        _ignored.ForEach(files.Delete);
        _ignored.Clear();
    }

    public WriteAheadLog Create(ulong logId)
    {
        files.CreateDirectory(directory);
        files.Delete(MarkPath);
        var header = new SegmentHeader(SegmentHeader.CurrentVersion, ciphers.Write.Scheme, logId, nodeId, 1, logId, ciphers.Write.KeyId);
        var file = WriteAheadLog.WriteHeader(files, directory, header);
        return new WriteAheadLog(files, directory, ciphers, segmentBytes, logger,
            [new Segment(file, header, ciphers.Write)], CreateMark(), SegmentHeader.Size, header.Previous, 0);
    }

    /// <summary>Opens what is there, calling <paramref name="replay"/> for each batch from oldest to newest. Null if nothing was ever written.</summary>
    /// <exception cref="LogCorruptException">Something acknowledged is damaged or missing.</exception>
    /// <exception cref="LogVersionException">A format or key that we do not have.</exception>
    public WriteAheadLog? Open(Action<FrameLocation, LogBatch> replay)
    {
        var sequences = Sequences();
        var mark = ReadMark();
        List<Segment> segments = [];
        try
        {
            var length = 0L;
            ulong? previous = null;
            var lastFrameSequence = 0UL;
            foreach (var sequence in sequences)
            {
                var isNewest = sequence == sequences[^1];
                var segment = OpenSegment(sequence, isNewest, mark, segments.LastOrDefault(), previous);
                if (segment is null)
                    break; // torn while it was made: everything before it was complete
                segments.Add(segment);
                (length, previous) = Scan(segment, isNewest, mark, (location, batch) =>
                {
                    lastFrameSequence = location.Sequence;
                    replay(location, batch);
                });
            }
            if (segments.Count == 0)
            {
                if (mark is { } lost)
                    throw new LogCorruptException(Path.Combine(directory, Segment.NameOf(lost.Sequence)), 0, "the file is missing");
                return null;
            }
            CheckAgainstMark(segments[^1], length, previous!.Value, mark);

            // After a killed process the end, and the names, were read from the kernel's memory, and may never have been synced.
            WriteAgain(segments[^1], mark, length);
            segments[^1].File.Sync();
            files.SyncDirectory(directory);
            return new WriteAheadLog(files, directory, ciphers, segmentBytes, logger, segments, OpenMark(), length, previous.Value, lastFrameSequence);
        }
        catch
        {
            segments.ForEach(s => s.Dispose());
            throw;
        }
    }

    // After a sync that failed, the kernel holds what was not written for written: it reads well, and the next sync would not bring it to the disk.
    private static void WriteAgain(Segment newest, SyncMark? mark, long length)
    {
        var buffer = new byte[1 << 20];
        for (var at = mark is { } m && m.Sequence == newest.Header.Sequence ? m.Length : 0; at < length;)
        {
            var read = newest.File.Read(at, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at)));
            newest.File.Write(at, buffer.AsSpan(0, read));
            at += read;
        }
    }

    // A crash between deletions can leave older segments behind a gap: they were not needed any more, else they were not being deleted.
    private List<ulong> Sequences()
    {
        List<ulong> all = [];
        foreach (var name in files.List(directory))
        {
            if (Segment.TryParseName(name, out var sequence))
                all.Add(sequence);
        }
        all.Sort();
        var start = all.Count - 1;
        while (start > 0 && all[start - 1] == all[start] - 1)
            start--;
        for (var i = 0; i < start; i++)
        {
            _ignored.Add(Path.Combine(directory, Segment.NameOf(all[i])));
            logger.LogWarning("log: {Segment} stands before a gap and is not read", _ignored[^1]);
        }
        return start <= 0 ? all : all[start..];
    }

    private Segment? OpenSegment(ulong sequence, bool isNewest, SyncMark? mark, Segment? before, ulong? previous)
    {
        var path = Path.Combine(directory, Segment.NameOf(sequence));
        var file = files.Open(path);
        try
        {
            var bytes = new byte[SegmentHeader.Size];
            var header = SegmentHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), path);
            if (header is null)
            {
                // The header is synced before the first frame is written, so a longer file had a sound one.
                if (!isNewest || file.Length > SegmentHeader.Size || mark?.Sequence >= sequence)
                    throw new LogCorruptException(path, 0, "the segment header does not match its checksum");
                logger.LogWarning("log: {Segment} was not finished when it was made and is removed", path);
                file.Dispose();
                files.Delete(path);
                files.SyncDirectory(directory);
                return null;
            }
            if (header.NodeId != nodeId)
                throw new LogVersionException($"{path}: belongs to raft member {header.NodeId:x}, not to {nodeId:x}; use that member's data directory");
            if (header.Sequence != sequence)
                throw new LogCorruptException(path, 0, $"the file holds segment {header.Sequence:x16}");
            if (before is not null && (header.LogId != before.Header.LogId || header.Previous != previous))
                throw new LogCorruptException(path, 0, "the segment does not follow the one before it");
            if (mark is { } m && m.LogId != header.LogId)
                throw new LogCorruptException(path, 0, $"the segment and {MarkPath} belong to different logs");
            return new Segment(file, header, ciphers.Find(header.CipherScheme, header.CipherKeyId, path));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private (long Length, ulong Previous) Scan(Segment segment, bool isNewest, SyncMark? mark, Action<FrameLocation, LogBatch> replay)
    {
        var sequence = segment.Header.Sequence;
        var previous = segment.Header.Previous;
        var offset = (long)SegmentHeader.Size;
        var length = segment.File.Length;
        while (offset < length)
        {
            if (!segment.TryRead(offset, previous, out var frame, out var payload, out var reason))
            {
                RefuseIfAcknowledged(segment, offset, reason, isNewest, mark);
                logger.LogWarning(
                    "log: {Segment} ends in a write that was torn before it was acknowledged ({Reason}): cut from {Length} to {Offset} bytes",
                    segment.File.Path, reason, length, offset);
                segment.File.SetLength(offset);
                break;
            }
            replay(new FrameLocation(sequence, offset), segment.Decode(payload, offset));
            offset += frame.TotalLength;
            previous = frame.Checksum;
        }
        return (offset, previous);
    }

    private static void RefuseIfAcknowledged(Segment segment, long offset, string reason, bool isNewest, SyncMark? mark)
    {
        var path = segment.File.Path;
        if (!isNewest)
            throw new LogCorruptException(path, offset, $"{reason}, and a newer segment follows");
        if (mark is { } m && m.Sequence == segment.Header.Sequence && offset < m.Length)
            throw new LogCorruptException(path, offset, $"{reason}, and it was acknowledged");
        if (segment.FindFrameAfter(offset) is { } sound)
            throw new LogCorruptException(path, offset, $"{reason}, and a sound frame follows at byte {sound}");
    }

    private void CheckAgainstMark(Segment newest, long length, ulong previous, SyncMark? mark)
    {
        if (mark is not { } m)
            return;
        var path = newest.File.Path;
        if (m.Sequence > newest.Header.Sequence)
            throw new LogCorruptException(Path.Combine(directory, Segment.NameOf(m.Sequence)), 0, "the file is missing");
        if (m.Sequence == newest.Header.Sequence && (m.Length > length || (m.Length == length && m.Checksum != previous)))
            throw new LogCorruptException(path, length, $"the log ends here, but was acknowledged up to byte {m.Length}");
    }

    private SyncMark? ReadMark()
    {
        if (!files.Exists(MarkPath))
            return null;
        using var file = files.Open(MarkPath);
        var bytes = new byte[SyncMark.Size];
        var mark = SyncMark.Decode(bytes.AsSpan(0, file.Read(0, bytes)));
        if (mark is null)
            logger.LogWarning("log: {Mark} is damaged: a damaged last record cannot be told from a torn one this time", MarkPath);
        return mark;
    }

    private IFile OpenMark() => files.Exists(MarkPath) ? files.Open(MarkPath) : CreateMark();

    private IFile CreateMark()
    {
        var file = files.Create(MarkPath);
        files.SyncDirectory(directory);
        return file;
    }
}
