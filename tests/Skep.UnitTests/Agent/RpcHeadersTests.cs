using System.Text;
using Skep.Agent.Rpc;
using Skep.Rpc.Hpack;
using Xunit;

namespace Skep.UnitTests.Agent;

/// <summary>HPACK, with the examples of RFC 7541 where it has some.</summary>
public sealed class RpcHeadersTests
{
    private const string HeartbeatPath = RpcMethod.Heartbeat;

    [Theory]
    [InlineData("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com")]
    [InlineData("a8eb10649cbf", "no-cache")]
    [InlineData("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT")]
    public void A_coded_string_is_read(string code, string text)
    {
        var room = new byte[64];
        Assert.Equal(text, Encoding.ASCII.GetString(room, 0, HuffmanCode.Decode(Convert.FromHexString(code), room)));
    }

    [Fact]
    public void The_headers_of_an_answer_that_went_well()
    {
        // :status 200, then content-type and date as literals by a name of the static table.
        byte[] block = [0x88, 0x5f, 4, .. "a/gr"u8, 0x0f, 0x12, 3, .. "now"u8];
        Assert.Equal(new ResponseHeaders(200, null, ""), ResponseHeaders.Read(block));
    }

    [Fact]
    public void The_trailers_of_a_refusal()
    {
        byte[] block = [0x00, 11, .. "grpc-status"u8, 1, (byte)'7', 0x40, 12, .. "grpc-message"u8, 12, .. "no%20entry%21"u8[..12]];
        Assert.Equal((7, "no entry%2"), (ResponseHeaders.Read(block).GrpcStatus, ResponseHeaders.Read(block).GrpcMessage));
    }

    [Fact]
    public void A_status_in_letters_that_are_coded()
    {
        // As Go's servers send it: literal without a table, the name coded.
        byte[] name = Convert.FromHexString("9acac8b21234da8f");
        byte[] block = [0x20, 0x00, (byte)(0x80 | name.Length), .. name, 1, (byte)'0'];
        Assert.Equal(0, ResponseHeaders.Read(block).GrpcStatus);
    }

    [Theory]
    [InlineData("be")] // an entry of a table that is not kept
    [InlineData("80")] // no entry
    [InlineData("0005abc")]
    [InlineData("ffffffffffff")]
    [InlineData("000b677270632d73746174757301")]
    [InlineData("4801787f")]
    public void What_is_no_block_is_refused(string block) => Assert.Throws<InvalidDataException>(() => ResponseHeaders.Read(Convert.FromHexString(block.Length % 2 == 0 ? block : block + "0")));

    [Fact]
    public void Headers_take_a_byte_each_once_the_peer_knows_them()
    {
        var headers = new RequestHeaders("manager:2377");
        var block = new byte[RequestHeaders.MaxBytes];
        var first = headers.Write(HeartbeatPath, block);
        Assert.Contains(HeartbeatPath, Encoding.ASCII.GetString(block, 0, first), StringComparison.Ordinal);
        Assert.Contains("manager:2377", Encoding.ASCII.GetString(block, 0, first), StringComparison.Ordinal);
        var second = headers.Write(HeartbeatPath, block);
        // POST, https, and the five in the order in which they went into the table: the newest is 62.
        Assert.Equal([0x83, 0x87, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe], block[..second]);
        headers.Write(RpcMethod.UpdateTaskStatus, block);
        var fourth = headers.Write(HeartbeatPath, block);
        Assert.Equal([0x83, 0x87, 0xc3, 0xc2, 0xc1, 0xc0, 0xbf], block[..fourth]);
    }

    [Fact]
    public void A_peer_with_a_small_table_gets_all_in_full()
    {
        var headers = new RequestHeaders("manager:2377");
        var block = new byte[RequestHeaders.MaxBytes];
        headers.Write(HeartbeatPath, block);
        headers.TableSize(100);
        var second = headers.Write(HeartbeatPath, block);
        Assert.Equal(0x20, block[0]);
        Assert.Contains(HeartbeatPath, Encoding.ASCII.GetString(block, 0, second), StringComparison.Ordinal);
        var third = headers.Write(HeartbeatPath, block);
        Assert.Equal((second - 1, (byte)0x83), (third, block[0]));
    }
}
