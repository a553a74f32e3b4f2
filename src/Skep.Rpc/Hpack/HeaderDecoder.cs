namespace Skep.Rpc.Hpack;

/// <summary>Takes headers, one after the other.</summary>
internal interface IHeaderSink
{
    void Header(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value);
}

/// <summary>Reads the headers that a peer sends (HPACK, RFC 7541), with the table of those that it sent before. Every block must pass here, or the table is wrong.</summary>
internal sealed class HeaderDecoder
{
    /// <summary>Of the table, in HPACK's count: what a peer may use that was not told otherwise.</summary>
    private const int MaxTable = 4096;

    private const int ShortText = 256;

    /// <summary>The newest last.</summary>
    private readonly List<HeaderField> _kept = [];
    private int _keptSize;
    private int _table = MaxTable;

    /// <exception cref="InvalidDataException">It is no block of headers, or of others than were sent before.</exception>
    public void Read(ReadOnlySpan<byte> block, IHeaderSink to)
    {
        var reader = new HpackReader(block);
        Span<byte> name = stackalloc byte[ShortText];
        Span<byte> value = stackalloc byte[ShortText];
        while (!reader.IsAtEnd)
        {
            switch (reader.Kind)
            {
                case >= 0x80:
                    var field = At(reader.Number(7));
                    to.Header(field.Name, field.Value);
                    break;
                case >= 0x40:
                    Literal(ref reader, 6, keep: true, to, name, value);
                    break;
                case >= 0x20:
                    Resize(reader.Number(5));
                    break;
                default:
                    Literal(ref reader, 4, keep: false, to, name, value);
                    break;
            }
        }
    }

    private void Literal(scoped ref HpackReader reader, int bits, bool keep, IHeaderSink to, scoped Span<byte> nameRoom, scoped Span<byte> valueRoom)
    {
        var index = reader.Number(bits);
        var known = index > 0 ? At(index) : null;
        scoped ReadOnlySpan<byte> name = known?.Name;
        if (known is null)
            name = HpackReader.Plain(reader.Text(out var isNameCoded), isNameCoded, nameRoom);
        scoped var value = HpackReader.Plain(reader.Text(out var isCoded), isCoded, valueRoom);
        to.Header(name, value);
        if (keep)
            Keep(new HeaderField(known?.Name ?? name.ToArray(), value.ToArray()));
    }

    private HeaderField At(int index)
    {
        if (index > 0 && index <= StaticTable.Fields.Length)
            return StaticTable.Fields[index - 1];
        var age = index - StaticTable.Fields.Length - 1;
        return index > 0 && age < _kept.Count ? _kept[^(age + 1)] : throw new InvalidDataException($"header {index} is in no table");
    }

    private void Keep(HeaderField field)
    {
        _kept.Add(field);
        _keptSize += field.Size;
        Evict();
    }

    private void Resize(int table)
    {
        if (table > MaxTable)
            throw new InvalidDataException("the table of headers is larger than it may be");
        _table = table;
        Evict();
    }

    private void Evict()
    {
        var gone = 0;
        for (; _keptSize > _table; gone++)
            _keptSize -= _kept[gone].Size;
        _kept.RemoveRange(0, gone);
    }
}
