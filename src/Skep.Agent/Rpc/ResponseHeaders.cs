using System.Buffers.Text;
using System.Text;
using Skep.Rpc.Hpack;

namespace Skep.Agent.Rpc;

/// <summary>What of an answer's headers and trailers (HPACK, RFC 7541) gRPC has a meaning for.</summary>
/// <param name="HttpStatus">0: none.</param>
/// <param name="GrpcStatus">Null: none.</param>
/// <param name="GrpcMessage">Empty: none.</param>
internal readonly record struct ResponseHeaders(int HttpStatus, int? GrpcStatus, string GrpcMessage)
{
    /// <summary>Longer strings are rare and may take memory of the heap.</summary>
    private const int ShortText = 64;

    // The entries of HPACK's own table that hold a status: from index 8 on.
    private const int FirstStatus = 8;
    private static readonly int[] StatusOf = [200, 204, 206, 304, 400, 404, 500];

    /// <summary>Reads a block of headers from a peer that was told to keep no table of them.</summary>
    /// <exception cref="InvalidDataException">It is no such block.</exception>
    public static ResponseHeaders Read(ReadOnlySpan<byte> block)
    {
        var headers = new ResponseHeaders(0, null, "");
        var reader = new HpackReader(block);
        while (!reader.IsAtEnd)
        {
            var kind = reader.Kind;
            if (kind >= 0x80)
                headers = headers.WithStatic(reader.Number(7));
            else if (kind is >= 0x20 and < 0x40)
                reader.Number(5); // the size of the table: none
            else
                headers = headers.WithLiteral(reader.Number(kind >= 0x40 ? 6 : 4), ref reader);
        }
        return headers;
    }

    private ResponseHeaders WithStatic(int index)
    {
        if (index is 0 || index > StaticTable.Fields.Length)
            throw new InvalidDataException("a header refers to a table that this side does not keep");
        return index - FirstStatus is var i && i >= 0 && i < StatusOf.Length ? this with { HttpStatus = StatusOf[i] } : this;
    }

    private ResponseHeaders WithLiteral(int nameIndex, scoped ref HpackReader block)
    {
        if (nameIndex > StaticTable.Fields.Length)
            throw new InvalidDataException("a header refers to a table that this side does not keep");
        scoped ReadOnlySpan<byte> name = default;
        if (nameIndex == 0)
            name = HpackReader.Plain(block.Text(out var isNameCoded), isNameCoded, stackalloc byte[ShortText]);
        var text = block.Text(out var isCoded);
        var isStatus = nameIndex - FirstStatus is var i && i >= 0 && i < StatusOf.Length;
        if (isStatus || name.SequenceEqual(":status"u8) || name.SequenceEqual("grpc-status"u8))
        {
            var value = HpackReader.Plain(text, isCoded, stackalloc byte[ShortText]);
            if (!Utf8Parser.TryParse(value, out int number, out var read) || read != value.Length)
                throw new InvalidDataException("a status is no number");
            return isStatus || name[0] == ':' ? this with { HttpStatus = number } : this with { GrpcStatus = number };
        }
        return name.SequenceEqual("grpc-message"u8) ? this with { GrpcMessage = Uri.UnescapeDataString(Encoding.UTF8.GetString(HpackReader.Plain(text, isCoded, default))) } : this;
    }
}
