using System.Buffers;

namespace Skep.Log;

/// <summary>Cuts what is written to it into checksummed, sealed blocks. <see cref="Complete"/> ends and syncs the file; without it the file is damaged.</summary>
internal sealed class SnapshotWriteStream : Stream
{
    /// <summary>So much is synced at a time: the log's next sync must not wait until the disk has taken a whole snapshot.</summary>
    private const long SyncBytes = 2 << 20;

    private readonly IFile _file;
    private readonly SnapshotHeader _header;
    private readonly IRecordCipher _cipher;
    private readonly CancellationToken _cancellation;
    private readonly byte[] _content = new byte[SnapshotBlock.ContentBytes];
    private readonly ArrayBufferWriter<byte> _block = new();
    private int _filled;
    private long _offset;
    private long _synced;
    private long _number;
    private long _contentLength;
    private ulong _checksum;

    public SnapshotWriteStream(IFile file, SnapshotHeader header, IRecordCipher cipher, CancellationToken cancellation)
    {
        _file = file;
        _header = header;
        _cipher = cipher;
        _cancellation = cancellation;
        _checksum = header.FileId;
        var bytes = header.Encode();
        file.Write(0, bytes);
        _offset = bytes.Length;
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _contentLength + _filled;

    public override long Position
    {
        get => Length;
        set => throw new NotSupportedException();
    }

    /// <summary>Bytes in the file.</summary>
    public long FileLength => _offset;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var take = Math.Min(buffer.Length, _content.Length - _filled);
            buffer[..take].CopyTo(_content.AsSpan(_filled));
            _filled += take;
            buffer = buffer[take..];
            if (_filled == _content.Length)
                WriteBlock();
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public void Complete()
    {
        if (_filled > 0)
            WriteBlock();
        Span<byte> end = stackalloc byte[SnapshotBlock.HeaderSize];
        new SnapshotBlock(0, SnapshotBlock.EndChecksum(_contentLength, _number, _checksum)).Write(end);
        _file.Write(_offset, end);
        _offset += end.Length;
        _file.Sync();
    }

    public override void Flush()
    {
        // Only whole blocks are written.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void WriteBlock()
    {
        _cancellation.ThrowIfCancellationRequested();
        Span<byte> context = stackalloc byte[FramePlace.ContextSize];
        SnapshotBlock.WriteContext(context, _header.FileId, _number);
        _block.ResetWrittenCount();
        _block.Write(stackalloc byte[SnapshotBlock.HeaderSize]);
        _cipher.Seal(_content.AsSpan(0, _filled), context, _block);
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsMemory(_block.WrittenMemory).Span;
        _checksum = SnapshotBlock.ChecksumOf(bytes[SnapshotBlock.HeaderSize..], _number, _checksum);
        new SnapshotBlock(bytes.Length - SnapshotBlock.HeaderSize, _checksum).Write(bytes);
        _file.Write(_offset, bytes);
        _offset += bytes.Length;
        _contentLength += _filled;
        _filled = 0;
        _number++;
        if (_offset - _synced < SyncBytes)
            return;
        _file.Sync();
        _synced = _offset;
    }
}
