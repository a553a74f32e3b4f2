using System.Security.Cryptography;

namespace Skep.Log;

/// <summary>One file of the log: a header, then frames. Reads, checks and finds damage; says nothing about what the damage means.</summary>
internal sealed class Segment(IFile file, SegmentHeader header, IRecordCipher cipher) : IDisposable
{
    private const string Extension = ".wal";
    private const int SearchChunkBytes = 1 << 20;

    public IFile File { get; } = file;

    public SegmentHeader Header { get; } = header;

    public IRecordCipher Cipher { get; } = cipher;

    public static string NameOf(ulong sequence) => $"{sequence:x16}{Extension}";

    public static bool TryParseName(string name, out ulong sequence)
    {
        sequence = 0;
        return name.Length == 16 + Extension.Length && name.EndsWith(Extension, StringComparison.Ordinal)
            && ulong.TryParse(name.AsSpan(0, 16), System.Globalization.NumberStyles.AllowHexSpecifier, null, out sequence);
    }

    public FramePlace PlaceAt(long offset) => new(Header.LogId, Header.Sequence, offset);

    /// <summary>Reads the frame at an offset; false, with the reason, if there is no sound frame that follows <paramref name="previous"/>.</summary>
    public bool TryRead(long offset, ulong? previous, out FrameHeader frame, out ReadOnlyMemory<byte> payload, out string reason)
    {
        payload = default;
        var place = PlaceAt(offset);
        Span<byte> headerBytes = stackalloc byte[FrameHeader.Size];
        var read = File.Read(offset, headerBytes);
        if (!FrameHeader.TryRead(headerBytes[..read], place, out frame))
        {
            reason = read < FrameHeader.Size ? "a frame header is cut off" : "a frame header does not match its checksum";
            return false;
        }
        if (previous is { } expected && frame.Previous != expected)
        {
            reason = "a frame does not follow the one before it";
            return false;
        }
        var bytes = new byte[frame.TotalLength - FrameHeader.Size];
        if (File.Read(offset + FrameHeader.Size, bytes) < bytes.Length)
        {
            reason = "a frame is cut off";
            return false;
        }
        if (!frame.Matches(bytes, place))
        {
            reason = "a frame does not match its checksum";
            return false;
        }
        payload = bytes.AsMemory(0, frame.PayloadLength);
        reason = "";
        return true;
    }

    /// <summary>What a sound frame's payload says.</summary>
    /// <exception cref="LogCorruptException">Sealed for another place or with another key, or not understood.</exception>
    public LogBatch Decode(ReadOnlyMemory<byte> payload, long offset)
    {
        Span<byte> context = stackalloc byte[FramePlace.ContextSize];
        PlaceAt(offset).WriteContext(context);
        try
        {
            return LogBatch.Decode(Cipher.Open(payload, context));
        }
        catch (CryptographicException)
        {
            throw new LogCorruptException(File.Path, offset, "a frame does not open with this manager's key");
        }
        catch (FormatException e)
        {
            throw new LogCorruptException(File.Path, offset, e.Message);
        }
    }

    /// <summary>
    /// The offset of a sound frame after <paramref name="offset"/>, or null. Tries every place where a frame may begin: where a damaged
    /// frame ends is not known. Slow, done only after damage.
    /// </summary>
    public long? FindFrameAfter(long offset)
    {
        var length = File.Length;
        var chunk = new byte[SearchChunkBytes + FrameHeader.Size];
        var at = (offset + FrameHeader.Alignment) & ~(long)(FrameHeader.Alignment - 1);
        while (at + FrameHeader.Size <= length)
        {
            var read = File.Read(at, chunk);
            for (var i = 0; i < SearchChunkBytes && i + FrameHeader.Size <= read; i += FrameHeader.Alignment)
            {
                if (FrameHeader.TryRead(chunk.AsSpan(i, FrameHeader.Size), PlaceAt(at + i), out _) && TryRead(at + i, null, out _, out _, out _))
                    return at + i;
            }
            at += SearchChunkBytes;
        }
        return null;
    }

    public void Dispose() => File.Dispose();
}
