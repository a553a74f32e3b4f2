using System.Security.Cryptography;

namespace Skep.Log;

/// <summary>The content of a snapshot file; every block is checked before a byte of it is given out. Owns the file.</summary>
internal sealed class SnapshotReadStream : Stream
{
    private readonly IFile _file;
    private readonly IRecordCipher _cipher;
    private ReadOnlyMemory<byte> _content;
    private long _offset;
    private long _number;
    private long _contentLength;
    private ulong _checksum;
    private bool _ended;

    /// <exception cref="LogCorruptException">The header is damaged.</exception>
    /// <exception cref="LogVersionException">A format or key that we do not have.</exception>
    public SnapshotReadStream(IFile file, CipherRing ciphers)
    {
        _file = file;
        (Header, var length) = SnapshotHeader.Read(file);
        _cipher = ciphers.Find(Header.CipherScheme, Header.CipherKeyId, file.Path);
        _offset = length;
        _checksum = Header.FileId;
    }

    public SnapshotHeader Header { get; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _contentLength - _content.Length;
        set => throw new NotSupportedException();
    }

    /// <exception cref="LogCorruptException">The next block is damaged or missing.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        if (_content.IsEmpty && !_ended)
            ReadBlock();
        var take = Math.Min(buffer.Length, _content.Length);
        _content.Span[..take].CopyTo(buffer);
        _content = _content[take..];
        return take;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
        base.Dispose(disposing);
    }

    private void ReadBlock()
    {
        Span<byte> headerBytes = stackalloc byte[SnapshotBlock.HeaderSize];
        if (_file.Read(_offset, headerBytes) < headerBytes.Length)
            throw Damaged("the snapshot is cut off");
        var header = SnapshotBlock.Read(headerBytes);
        if (header.SealedLength == 0)
        {
            if (header.Checksum != SnapshotBlock.EndChecksum(_contentLength, _number, _checksum) || _file.Length != _offset + headerBytes.Length)
                throw Damaged("the end of the snapshot does not match its checksum");
            _ended = true;
            return;
        }
        if (header.SealedLength is < 0 or > SnapshotBlock.MaxSealedBytes)
            throw Damaged("a block does not match its checksum");
        var bytes = new byte[header.SealedLength];
        if (_file.Read(_offset + headerBytes.Length, bytes) < bytes.Length)
            throw Damaged("the snapshot is cut off");
        if (SnapshotBlock.ChecksumOf(bytes, _number, _checksum) != header.Checksum)
            throw Damaged("a block does not match its checksum");
        Span<byte> context = stackalloc byte[FramePlace.ContextSize];
        SnapshotBlock.WriteContext(context, Header.FileId, _number);
        try
        {
            _content = _cipher.Open(bytes, context);
        }
        catch (CryptographicException)
        {
            throw Damaged("a block does not open with this manager's key");
        }
        _checksum = header.Checksum;
        _offset += headerBytes.Length + bytes.Length;
        _contentLength += _content.Length;
        _number++;
    }

    private LogCorruptException Damaged(string what) => new(_file.Path, _offset, what);
}
