using System.Text;

namespace Skep.Agent.Rpc;

/// <summary>
/// A connection's request headers in HPACK (RFC 7541). As a stock engine's they go into the peer's table the first time and are a byte each from
/// then on. Not thread-safe.
/// </summary>
/// <param name="authority">host:port of the peer.</param>
internal sealed class RequestHeaders(string authority)
{
    /// <summary>Of a block at its longest: far more than any.</summary>
    public const int MaxBytes = 1024;

    /// <summary>What every peer's table holds unless it says otherwise; all that is put into it here takes a quarter of this.</summary>
    private const int DefaultTable = 4096;

    private const byte MethodPost = 0x83;
    private const byte SchemeHttps = 0x87;
    private const byte Indexed = 0x80;
    private const byte Literal = 0x40;
    private const byte LiteralUnkept = 0x00;
    private const byte EmptyTable = 0x20;
    private const int FirstDynamic = 62;

    // Indexes in HPACK's own table.
    private const int NameAuthority = 1;
    private const int NamePath = 4;
    private const int NameContentType = 31;
    private const int NameUserAgent = 58;
    private const int UnkeptNameBits = 15;

    private readonly List<string> _kept = [];
    private bool _keeps = true;
    private bool _mustSay;

    /// <summary>The peer has said how large its table is.</summary>
    public void TableSize(uint bytes)
    {
        if (bytes >= DefaultTable || !_keeps)
            return;
        (_keeps, _mustSay) = (false, true);
        _kept.Clear();
    }

    /// <summary>Writes the headers of a call.</summary>
    /// <param name="path">/package.Service/Method.</param>
    /// <param name="block">At least <see cref="MaxBytes"/>.</param>
    /// <returns>How many bytes they take.</returns>
    public int Write(string path, Span<byte> block)
    {
        var used = 0;
        if (_mustSay)
            block[used++] = EmptyTable;
        _mustSay = false;
        block[used++] = MethodPost;
        block[used++] = SchemeHttps;
        used += Field(NamePath, "", path, block[used..]);
        used += Field(NameAuthority, "", authority, block[used..]);
        used += Field(NameContentType, "", "application/grpc", block[used..]);
        used += Field(NameUserAgent, "", "grpc-skep/1", block[used..]);
        used += Field(0, "te", "trailers", block[used..]);
        return used;
    }

    private int Field(int nameIndex, string name, string value, Span<byte> block)
    {
        var kept = _kept.IndexOf(value);
        if (kept >= 0)
        {
            // The newest has the lowest index.
            block[0] = (byte)(Indexed | (FirstDynamic + _kept.Count - 1 - kept));
            return 1;
        }
        var used = 0;
        if (_keeps)
        {
            _kept.Add(value);
            block[used++] = (byte)(Literal | nameIndex);
        }
        else if (nameIndex < UnkeptNameBits)
        {
            block[used++] = (byte)(LiteralUnkept | nameIndex);
        }
        else
        {
            block[used++] = LiteralUnkept | UnkeptNameBits;
            block[used++] = (byte)(nameIndex - UnkeptNameBits);
        }
        if (nameIndex == 0)
            used += Text(name, block[used..]);
        return used + Text(value, block[used..]);
    }

    private static int Text(string text, Span<byte> block)
    {
        // Lengths of up to 126 are a byte; longer ones take two here.
        var length = Encoding.UTF8.GetByteCount(text);
        if (length < 127)
        {
            block[0] = (byte)length;
            return 1 + Encoding.UTF8.GetBytes(text, block[1..]);
        }
        block[0] = 127;
        var rest = length - 127;
        var used = 1;
        for (; rest >= 128; rest >>= 7)
            block[used++] = (byte)(rest | 128);
        block[used++] = (byte)rest;
        return used + Encoding.UTF8.GetBytes(text, block[used..]);
    }
}
