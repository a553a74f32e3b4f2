namespace Skep.Rpc.Hpack;

/// <summary>The Huffman code of HTTP/2's header strings (RFC 7541, appendix B). It is canonical: the lengths of the codes are all there is to know.</summary>
internal static class HuffmanCode
{
    private const int LongestCode = 30;

    private static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    ];

    /// <summary>Bytes in the order of their codes.</summary>
    private static readonly byte[] InOrder = [.. Enumerable.Range(0, 256).OrderBy(b => Lengths[b]).ThenBy(b => b).Select(b => (byte)b)];

    /// <summary>How many codes there are of each length.</summary>
    private static readonly int[] CountOf = [.. Enumerable.Range(0, LongestCode + 1).Select(length => Enumerable.Range(0, 256).Count(b => Lengths[b] == length))];

    /// <summary>Appends what the code means. What is left over at the end is padding.</summary>
    /// <param name="code">A string of a header.</param>
    /// <param name="text">Room for it: 8/5 of the code's length is always enough.</param>
    /// <returns>How many bytes it has.</returns>
    public static int Decode(ReadOnlySpan<byte> code, Span<byte> text)
    {
        var (written, value, first, before, length) = (0, 0, 0, 0, 0);
        foreach (var bits in code)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                value |= (bits >> bit) & 1;
                length++;
                if (length > LongestCode)
                    return written;
                if (value - first < CountOf[length])
                {
                    text[written++] = InOrder[before + value - first];
                    (value, first, before, length) = (0, 0, 0, 0);
                    continue;
                }
                before += CountOf[length];
                first = (first + CountOf[length]) << 1;
                value <<= 1;
            }
        }
        return written;
    }
}
