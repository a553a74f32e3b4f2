namespace Skep.Rpc.Hpack;

/// <summary>Reads the parts of a block of headers (HPACK, RFC 7541, section 5): numbers and strings.</summary>
internal ref struct HpackReader(ReadOnlySpan<byte> block)
{
    private ReadOnlySpan<byte> _rest = block;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>The next byte, which says what follows; it is not consumed.</summary>
    public readonly byte Kind => _rest[0];

    /// <summary>A number that begins in the lowest bits of the next byte.</summary>
    /// <exception cref="InvalidDataException">It is no number that a block of headers needs.</exception>
    public int Number(int bits)
    {
        if (_rest.IsEmpty)
            throw new InvalidDataException("a block of headers ends too early");
        var most = (1 << bits) - 1;
        var value = _rest[0] & most;
        var used = 1;
        if (value == most)
        {
            for (var shift = 0; ; shift += 7)
            {
                if (used == _rest.Length || shift > 21)
                    throw new InvalidDataException("a header's number is too long");
                var next = _rest[used++];
                value += (next & 0x7f) << shift;
                if (next < 0x80)
                    break;
            }
        }
        _rest = _rest[used..];
        return value;
    }

    /// <summary>The next string, as it stands there.</summary>
    /// <param name="isCoded">Whether by <see cref="HuffmanCode"/>.</param>
    /// <exception cref="InvalidDataException">The block ends within it.</exception>
    public ReadOnlySpan<byte> Text(out bool isCoded)
    {
        isCoded = _rest.Length > 0 && _rest[0] >= 0x80;
        var length = Number(7);
        if (length > _rest.Length)
            throw new InvalidDataException("a header is longer than its block");
        var text = _rest[..length];
        _rest = _rest[length..];
        return text;
    }

    /// <summary>A string in clear, in the given room if it needs and fits it.</summary>
    public static ReadOnlySpan<byte> Plain(ReadOnlySpan<byte> text, bool isCoded, Span<byte> room)
    {
        if (!isCoded)
            return text;
        var most = (text.Length * 8 / 5) + 1;
        var plain = most <= room.Length ? room : new byte[most];
        return plain[..HuffmanCode.Decode(text, plain)];
    }
}
