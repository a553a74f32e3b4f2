using System.Buffers;
using System.Text;
using Grpc.Core;

namespace Skep.Rpc.Server;

/// <summary>The blocks of headers (HPACK, RFC 7541) that answers begin and end with. Nothing is put into the peer's table.</summary>
internal static class ResponseHeaders
{
    /// <summary>Of a status' text, in characters. Encoded it is at most three times as long, which fits a frame.</summary>
    private const int LongestMessage = 4096;

    private const byte LiteralUnkept = 0x00;
    private const byte LongText = 0x7f;

    // :status 200 and content-type, from HPACK's own table.
    private static readonly byte[] Begin = [0x88, 0x0f, 0x10, 16, .. "application/grpc"u8];

    /// <summary>Before the first message.</summary>
    public static ReadOnlySpan<byte> First => Begin;

    /// <summary>When all went well.</summary>
    public static byte[] Ok { get; } = Trailers(Status.DefaultSuccess, [], only: false);

    /// <summary>A request that is not gRPC: Unsupported Media Type.</summary>
    public static byte[] NotGrpc { get; } = [0x08, 3, .. "415"u8];

    /// <summary>After the last message.</summary>
    /// <param name="status">How it went.</param>
    /// <param name="more">The service's own.</param>
    /// <param name="only">There was no message, so that these are the first and last headers.</param>
    public static byte[] Trailers(Status status, Metadata more, bool only)
    {
        var block = new ArrayBufferWriter<byte>();
        if (only)
            block.Write(Begin);
        Literal(block, "grpc-status", ((int)status.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (!string.IsNullOrEmpty(status.Detail))
            Literal(block, "grpc-message", Encoded(status.Detail.Length > LongestMessage ? status.Detail[..LongestMessage] : status.Detail));
        foreach (var entry in more)
            Literal(block, entry.Key, entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value);
        return block.WrittenSpan.ToArray();
    }

    /// <summary>Printable ASCII without the percent sign as it is, all else percent-encoded.</summary>
    private static string Encoded(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= 0x20 and < 0x7f && b != '%')
                encoded.Append((char)b);
            else
                encoded.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }
        return encoded.ToString();
    }

    private static void Literal(ArrayBufferWriter<byte> block, string name, string value)
    {
        block.Write([LiteralUnkept]);
        Text(block, name);
        Text(block, value);
    }

    private static void Text(ArrayBufferWriter<byte> block, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length < LongText)
        {
            block.Write([(byte)bytes.Length]);
        }
        else
        {
            block.Write([LongText]);
            var rest = bytes.Length - LongText;
            for (; rest >= 128; rest >>= 7)
                block.Write([(byte)(rest | 128)]);
            block.Write([(byte)rest]);
        }
        block.Write(bytes);
    }
}
