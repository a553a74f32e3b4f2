using System.Buffers.Binary;
using Google.Protobuf;
using Grpc.Core;
using Skep.Agent.Rpc;
using Xunit;

namespace Skep.UnitTests.Agent;

public sealed class RpcCallTests
{
    private readonly StreamingCall<Wire.AssignmentsMessage> _call = new(Wire.AssignmentsMessage.Parser);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(10_000)]
    public async Task Messages_may_come_in_any_pieces(int piece)
    {
        byte[] data = [.. Message("1"), .. Message(new string('x', 300)), .. Message("")];
        for (var at = 0; at < data.Length; at += piece)
            _call.Take(data.AsMemory(at, Math.Min(piece, data.Length - at)));
        _call.End(null);
        var seen = new List<string>();
        while (await _call.MoveNextAsync())
            seen.Add(_call.Current.ResultsIn);
        Assert.Equal(["1", new string('x', 300), ""], seen);
    }

    [Fact]
    public async Task He_who_waits_is_given_the_next_message_and_then_the_error()
    {
        var next = _call.MoveNextAsync().AsTask();
        Assert.False(next.IsCompleted);
        _call.Take(Message("1"));
        Assert.True(await next);
        next = _call.MoveNextAsync().AsTask();
        _call.End(new RpcException(new Status(StatusCode.Unavailable, "gone")));
        Assert.Equal("gone", (await Assert.ThrowsAsync<RpcException>(() => next)).Status.Detail);
        await Assert.ThrowsAsync<RpcException>(async () => await _call.MoveNextAsync());
    }

    [Fact]
    public void What_is_no_message_is_refused()
    {
        Assert.Equal(StatusCode.Unimplemented, Assert.Throws<RpcException>(() => _call.Take(new byte[] { 1, 0, 0, 0, 1, 0 })).StatusCode);
        Assert.Equal(StatusCode.ResourceExhausted, Assert.Throws<RpcException>(() => _call.Take(new byte[] { 0, 0xff, 0xff, 0xff, 0xff, 0 })).StatusCode);
    }

    private static byte[] Message(string text)
    {
        var message = new Wire.AssignmentsMessage { ResultsIn = text }.ToByteArray();
        var length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, message.Length);
        return [0, .. length, .. message];
    }
}
