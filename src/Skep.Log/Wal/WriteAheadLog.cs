using System.Buffers;
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Skep.Log;

/// <summary>
/// The segments of one log, oldest to newest; only the newest is written. <see cref="Append"/> returns when the batch is durable.
/// After any failure to write or sync nothing more is written: what of the failed write is on disk is not known.
/// </summary>
internal sealed class WriteAheadLog : IDisposable
{
    private const int KeepBufferBytes = 4 << 20;

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly CipherRing _ciphers;
    private readonly long _segmentBytes;
    private readonly ILogger _logger;
    private readonly List<Segment> _segments;
    private readonly IFile _markFile;
    private readonly byte[] _markBytes = new byte[SyncMark.Size];
    private ArrayBufferWriter<byte> _plain = new();
    private ArrayBufferWriter<byte> _frame = new();
    private long _length; // of the newest segment
    private ulong _previous; // checksum of the last frame
    private ulong _lastFrameSequence; // the segment of the last frame, which holds the hard state; 0 if there is none
    private bool _markDirty;
    private Exception? _failure;

    /// <summary>Takes over what <see cref="WriteAheadLogOpener"/> has read or made.</summary>
    internal WriteAheadLog(
        IFileSystem files, string directory, CipherRing ciphers, long segmentBytes, ILogger logger,
        List<Segment> segments, IFile markFile, long length, ulong previous, ulong lastFrameSequence)
    {
        _files = files;
        _directory = directory;
        _ciphers = ciphers;
        _segmentBytes = segmentBytes;
        _logger = logger;
        _segments = segments;
        _markFile = markFile;
        _length = length;
        _previous = previous;
        _lastFrameSequence = lastFrameSequence;
        TotalBytes = segments.Sum(s => s.File.Length);
        LogMetrics.WalBytes.Set(TotalBytes);
        WriteMark();
        MakeMarkDurable();
    }

    /// <summary>Of all segments on disk.</summary>
    public long TotalBytes { get; private set; }

    public int SegmentCount => _segments.Count;

    private Segment Newest => _segments[^1];

    /// <summary>Every segment is sealed with this cipher.</summary>
    public bool IsSealedWith(IRecordCipher cipher) => _segments.TrueForAll(s => s.Cipher == cipher);

    /// <summary>Writes a batch as one frame and syncs it.</summary>
    /// <exception cref="IOException">It is not known whether the batch is durable; this and every later call fail.</exception>
    public FrameLocation Append(LogBatch batch)
    {
        ThrowIfFailed();
        try
        {
            if (_length >= _segmentBytes || Newest.Cipher != _ciphers.Write)
                Roll();
            return AppendFrame(batch);
        }
        catch (Exception e)
        {
            _failure = e;
            throw;
        }
    }

    /// <summary>Reads back a batch that was appended.</summary>
    /// <exception cref="LogCorruptException">It is damaged.</exception>
    public LogBatch Read(FrameLocation location)
    {
        var segment = _segments.Find(s => s.Header.Sequence == location.Sequence)
            ?? throw new InvalidOperationException($"segment {location.Sequence} is deleted");
        if (!segment.TryRead(location.Offset, null, out _, out var payload, out var reason))
            throw new LogCorruptException(segment.File.Path, location.Offset, reason);
        return segment.Decode(payload, location.Offset);
    }

    /// <summary>
    /// Deletes the segments before <paramref name="sequence"/>, but never the one that holds the hard state.
    /// Oldest first: what a crash leaves is then still a run without gaps.
    /// </summary>
    public void DeleteBefore(ulong sequence)
    {
        ThrowIfFailed();
        var end = Math.Min(sequence, _lastFrameSequence);
        var deleted = 0;
        while (_segments.Count > 1 && _segments[0].Header.Sequence < end)
        {
            var segment = _segments[0];
            TotalBytes -= segment.File.Length;
            segment.Dispose();
            _files.Delete(segment.File.Path);
            _segments.RemoveAt(0);
            deleted++;
        }
        if (deleted == 0)
            return;
        LogMetrics.WalBytes.Set(TotalBytes);
        _logger.LogDebug("log: deleted {Count} segments before {Sequence:x16}", deleted, _segments[0].Header.Sequence);
    }

    /// <summary>Makes the deletion of segments durable: after a power failure none of them is back.</summary>
    public void MakeDeletionsDurable() => _files.SyncDirectory(_directory);

    /// <summary>Makes the mark of what is synced durable itself. Call it when the log falls idle and before it is closed.</summary>
    public void MakeMarkDurable()
    {
        ThrowIfFailed();
        if (!_markDirty)
            return;
        try
        {
            _markFile.Sync();
            _markDirty = false;
        }
        catch (Exception e)
        {
            _failure = e;
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var segment in _segments)
            segment.Dispose();
        _markFile.Dispose();
    }

    private FrameLocation AppendFrame(LogBatch batch)
    {
        var place = Newest.PlaceAt(_length);
        Span<byte> context = stackalloc byte[FramePlace.ContextSize];
        place.WriteContext(context);
        _plain.ResetWrittenCount();
        batch.Encode(_plain);

        _frame.ResetWrittenCount();
        _frame.Write(stackalloc byte[FrameHeader.Size]);
        Newest.Cipher.Seal(_plain.WrittenSpan, context, _frame);
        var payloadLength = _frame.WrittenCount - FrameHeader.Size;
        if (payloadLength > FrameHeader.MaxPayloadBytes)
            throw new IOException($"a batch of {payloadLength} bytes is more than one write of the log takes ({FrameHeader.MaxPayloadBytes})");
        while (_frame.WrittenCount % FrameHeader.Alignment != 0)
            _frame.Write([(byte)0]);

        // ArrayBufferWriter gives out what was written read-only; the header can only be filled in now.
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsMemory(_frame.WrittenMemory).Span;
        var header = FrameHeader.Write(bytes, payloadLength, _previous, place);
        Newest.File.Write(_length, bytes);
        var started = Stopwatch.GetTimestamp();
        Newest.File.Sync();
        LogMetrics.FsyncSeconds.Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);

        var location = new FrameLocation(Newest.Header.Sequence, _length);
        _length += bytes.Length;
        _previous = header.Checksum;
        _lastFrameSequence = location.Sequence;
        TotalBytes += bytes.Length;
        WriteMark();
        LogMetrics.AppendedBytes.Inc(bytes.Length);
        LogMetrics.WalBytes.Set(TotalBytes);
        if (_frame.Capacity > KeepBufferBytes)
            _frame = new ArrayBufferWriter<byte>();
        if (_plain.Capacity > KeepBufferBytes)
            _plain = new ArrayBufferWriter<byte>();
        return location;
    }

    // The header is durable before the first frame is written: a file longer than a header once had a sound one.
    private void Roll()
    {
        var header = Newest.Header with
        {
            CipherScheme = _ciphers.Write.Scheme,
            CipherKeyId = _ciphers.Write.KeyId,
            Sequence = Newest.Header.Sequence + 1,
            Previous = _previous,
        };
        var file = WriteHeader(_files, _directory, header);
        _segments.Add(new Segment(file, header, _ciphers.Write));
        _length = SegmentHeader.Size;
        TotalBytes += SegmentHeader.Size;
    }

    internal static IFile WriteHeader(IFileSystem files, string directory, SegmentHeader header)
    {
        var file = files.Create(Path.Combine(directory, Segment.NameOf(header.Sequence)));
        try
        {
            file.Write(0, header.Encode());
            file.Sync();
            files.SyncDirectory(directory);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void WriteMark()
    {
        new SyncMark(Newest.Header.LogId, Newest.Header.Sequence, _length, _previous).Encode(_markBytes);
        _markFile.Write(0, _markBytes);
        _markDirty = true;
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new IOException($"the log stopped after a failure: {_failure.Message}", _failure);
    }
}
