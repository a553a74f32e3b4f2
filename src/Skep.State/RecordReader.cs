namespace Skep.State;

/// <summary>The messages of a stream in which each follows its length, one after the other, in one buffer: protobuf's own reader allocates 4 KB for each.</summary>
internal sealed class RecordReader(Stream stream)
{
    private byte[] _buffer = new byte[1 << 16];
    private int _next;
    private int _end;

    /// <summary>The next message, valid until the next call.</summary>
    /// <exception cref="EndOfStreamException">The stream ends before it, or in it.</exception>
    /// <exception cref="InvalidDataException">That is no length.</exception>
    public ReadOnlySpan<byte> Next()
    {
        var length = NextLength();
        Fill(length);
        _next += length;
        return _buffer.AsSpan(_next - length, length);
    }

    private int NextLength()
    {
        var length = 0L;
        for (var shift = 0; shift < 35; shift += 7)
        {
            Fill(1);
            var part = _buffer[_next++];
            length |= (long)(part & 0x7f) << shift;
            if (part < 0x80)
                return length <= Array.MaxLength ? (int)length : throw Malformed();
        }
        throw Malformed();
    }

    private static InvalidDataException Malformed() => new InvalidDataException("a length is malformed");

    /// <summary>Has at least so many bytes at hand.</summary>
    private void Fill(int wanted)
    {
        if (_end - _next >= wanted)
            return;
        _buffer.AsSpan(_next, _end - _next).CopyTo(_buffer);
        (_next, _end) = (0, _end - _next);
        while (_end < wanted)
        {
            // Grown by what is there, not by what a damaged length says.
            if (_end == _buffer.Length)
                Array.Resize(ref _buffer, (int)Math.Min(Array.MaxLength, Math.Max(2L * _end, 1)));
            var read = stream.Read(_buffer, _end, _buffer.Length - _end);
            if (read == 0)
                throw new EndOfStreamException("it ends early");
            _end += read;
        }
    }
}
