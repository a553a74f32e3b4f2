using System.Text;
using CsCheck;
using Skep.Rpc.Hpack;
using Xunit;

namespace Skep.UnitTests.Rpc;

/// <summary>HPACK, with the examples of RFC 7541, appendix C.</summary>
public sealed class HeaderDecoderTests
{
    private const string First = ":method: GET, :scheme: http, :path: /, :authority: www.example.com";
    private const string Second = First + ", cache-control: no-cache";
    private const string Third = ":method: GET, :scheme: https, :path: /index.html, :authority: www.example.com, custom-key: custom-value";

    [Theory]
    [InlineData("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")] // C.3
    [InlineData("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")] // C.4: the same with Huffman's code
    public void Requests_on_one_connection_build_on_each_other(string first, string second, string third)
    {
        var decoder = new HeaderDecoder();
        Assert.Equal([First, Second, Third], new[] { first, second, third }.Select(block => Read(decoder, block)));
    }

    [Fact]
    public void The_oldest_make_room()
    {
        var decoder = new HeaderDecoder();
        // 54 of each: 4,096 hold 75.
        foreach (var i in Enumerable.Range(0, 100))
            decoder.Read(Literal($"name-{i:00000}", $"value-{i:000000}"), new Headers());
        Assert.Equal("name-00099: value-000099", Read(decoder, "be"));
        Assert.Equal("name-00025: value-000025", Read(decoder, Convert.ToHexString([0xff, 136 - 127])));
        Assert.Throws<InvalidDataException>(() => Read(decoder, Convert.ToHexString([0xff, 137 - 127])));
        Assert.Equal("", Read(decoder, "20"));
        Assert.Throws<InvalidDataException>(() => Read(decoder, "be"));
    }

    [Fact]
    public void A_table_larger_than_it_may_be_is_refused() => Assert.Throws<InvalidDataException>(() => Read(new HeaderDecoder(), "3fe2ff03"));

    [Fact]
    public void Whatever_comes_is_read_or_refused() => Gen.Byte.Array[0, 60].Sample(block =>
    {
        try
        {
            new HeaderDecoder().Read(block, new Headers());
        }
        catch (InvalidDataException)
        {
            // As it should be.
        }
    });

    private static string Read(HeaderDecoder decoder, string block)
    {
        var headers = new Headers();
        decoder.Read(Convert.FromHexString(block), headers);
        return string.Join(", ", headers.Seen);
    }

    private static byte[] Literal(string name, string value) => [0x40, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private sealed class Headers : IHeaderSink
    {
        public List<string> Seen { get; } = [];

        public void Header(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => Seen.Add($"{Encoding.ASCII.GetString(name)}: {Encoding.ASCII.GetString(value)}");
    }
}
