using System.Buffers.Text;
using System.Text;

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

    private const int StaticEntries = 61;

    /// <summary>Reads a block of headers from a peer that was told to keep no table of them.</summary>
    /// <exception cref="InvalidDataException">It is no such block.</exception>
    public static ResponseHeaders Read(ReadOnlySpan<byte> block)
    {
        var headers = new ResponseHeaders(0, null, "");
        while (block.Length > 0)
        {
            var kind = block[0];
            if (kind >= 0x80)
                headers = headers.WithStatic(Integer(ref block, 7));
            else if (kind is >= 0x20 and < 0x40)
                Integer(ref block, 5); // the size of the table: none
            else
                headers = headers.WithLiteral(Integer(ref block, kind >= 0x40 ? 6 : 4), ref block);
        }
        return headers;
    }

    private ResponseHeaders WithStatic(int index)
    {
        if (index is 0 or > StaticEntries)
            throw new InvalidDataException("a header refers to a table that this side does not keep");
        return index - FirstStatus is var i && i >= 0 && i < StatusOf.Length ? this with { HttpStatus = StatusOf[i] } : this;
    }

    private ResponseHeaders WithLiteral(int nameIndex, scoped ref ReadOnlySpan<byte> block)
    {
        if (nameIndex > StaticEntries)
            throw new InvalidDataException("a header refers to a table that this side does not keep");
        scoped ReadOnlySpan<byte> name = default;
        if (nameIndex == 0)
            name = Plain(Text(ref block, out var isNameCoded), isNameCoded, stackalloc byte[ShortText]);
        var text = Text(ref block, out var isCoded);
        var isStatus = nameIndex - FirstStatus is var i && i >= 0 && i < StatusOf.Length;
        if (isStatus || name.SequenceEqual(":status"u8) || name.SequenceEqual("grpc-status"u8))
        {
            var value = Plain(text, isCoded, stackalloc byte[ShortText]);
            if (!Utf8Parser.TryParse(value, out int number, out var read) || read != value.Length)
                throw new InvalidDataException("a status is no number");
            return isStatus || name[0] == ':' ? this with { HttpStatus = number } : this with { GrpcStatus = number };
        }
        return name.SequenceEqual("grpc-message"u8) ? this with { GrpcMessage = Uri.UnescapeDataString(Encoding.UTF8.GetString(Plain(text, isCoded, default))) } : this;
    }

    /// <summary>The next string of the block, as it stands there.</summary>
    private static ReadOnlySpan<byte> Text(scoped ref ReadOnlySpan<byte> block, out bool isCoded)
    {
        isCoded = block.Length > 0 && block[0] >= 0x80;
        var length = Integer(ref block, 7);
        if (length > block.Length)
            throw new InvalidDataException("a header is longer than its block");
        var text = block[..length];
        block = block[length..];
        return text;
    }

    /// <summary>The string itself, in the given room if it needs and fits it.</summary>
    private static ReadOnlySpan<byte> Plain(ReadOnlySpan<byte> text, bool isCoded, Span<byte> room)
    {
        if (!isCoded)
            return text;
        var most = (text.Length * 8 / 5) + 1;
        var plain = most <= room.Length ? room : new byte[most];
        return plain[..HuffmanCode.Decode(text, plain)];
    }

    private static int Integer(scoped ref ReadOnlySpan<byte> block, int bits)
    {
        if (block.Length == 0)
            throw new InvalidDataException("a block of headers ends too early");
        var most = (1 << bits) - 1;
        var value = block[0] & most;
        var used = 1;
        if (value == most)
        {
            for (var shift = 0; ; shift += 7)
            {
                if (used == block.Length || shift > 21)
                    throw new InvalidDataException("a header's number is too long");
                var next = block[used++];
                value += (next & 0x7f) << shift;
                if (next < 0x80)
                    break;
            }
        }
        block = block[used..];
        return value;
    }
}
