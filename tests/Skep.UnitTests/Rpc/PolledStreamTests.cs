using System.Net;
using System.Net.Sockets;
using Skep.Rpc.Polling;
using Xunit;

namespace Skep.UnitTests.Rpc;

public sealed class PolledStreamTests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private readonly CancellationTokenSource _end = new(Limit);
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public PolledStreamTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
    }

    [Fact]
    public async Task What_comes_is_read_and_then_the_end()
    {
        var (stream, peer) = await PairAsync();
        var reading = ReadAllAsync(stream);
        for (var part = 0; part < 100; part++)
        {
            await peer.SendAsync(new byte[1000], _end.Token);
            if (part % 10 == 0)
                await Task.Delay(1, _end.Token);
        }
        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(100_000, await reading.WaitAsync(Limit));
    }

    [Fact]
    public async Task An_end_that_came_with_the_last_bytes_is_seen()
    {
        for (var round = 0; round < 200; round++)
        {
            var (stream, peer) = await PairAsync();
            var first = ReadAllAsync(stream);
            await peer.SendAsync(new byte[10], _end.Token);
            peer.Dispose();
            Assert.Equal(10, await first.WaitAsync(Limit));
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_read_of_no_bytes_waits_for_some()
    {
        var (stream, peer) = await PairAsync();
        var buffer = new byte[10];
        // Nothing is known of a new socket yet.
        _ = await stream.ReadAsync(Memory<byte>.Empty, _end.Token);
        var read = stream.ReadAsync(buffer, _end.Token).AsTask();
        Assert.False(read.IsCompleted);
        await peer.SendAsync(new byte[3], _end.Token);
        Assert.Equal(3, await read);
        var more = stream.ReadAsync(Memory<byte>.Empty, _end.Token).AsTask();
        await Task.Delay(50, _end.Token);
        Assert.False(more.IsCompleted);
        await peer.SendAsync(new byte[1], _end.Token);
        Assert.Equal(0, await more);
        Assert.Equal(1, await stream.ReadAsync(buffer, _end.Token));
    }

    [Fact]
    public async Task It_has_unread_what_came_until_that_is_read_or_it_is_closed()
    {
        var (stream, peer) = await PairAsync();
        Assert.False(stream.HasUnread);
        await peer.SendAsync(new byte[3], _end.Token);
        await stream.PeekAsync(_end.Token);
        Assert.True(stream.HasUnread);
        Assert.Equal(3, await stream.ReadAsync(new byte[10], _end.Token));
        Assert.False(stream.HasUnread);
        await peer.SendAsync(new byte[3], _end.Token);
        await stream.PeekAsync(_end.Token);
        await stream.DisposeAsync();
        Assert.False(stream.HasUnread);
    }

    [Fact]
    public async Task Peeking_leaves_the_byte()
    {
        var (stream, peer) = await PairAsync();
        var peek = stream.PeekAsync(_end.Token).AsTask();
        await peer.SendAsync("xyz"u8.ToArray(), _end.Token);
        Assert.Equal((byte)'x', await peek);
        Assert.Equal((byte)'x', await stream.PeekAsync(_end.Token));
        Assert.Equal(3, await stream.ReadAsync(new byte[10], _end.Token));
        peer.Dispose();
        Assert.Null(await stream.PeekAsync(_end.Token));
    }

    [Fact]
    public async Task A_byte_that_comes_while_one_peeks_is_never_missed()
    {
        for (var round = 0; round < 500; round++)
        {
            var (stream, peer) = await PairAsync();
            var sending = Task.Run(() => peer.Send("x"u8));
            Assert.Equal((byte)'x', await stream.PeekAsync(_end.Token));
            await sending;
            await stream.DisposeAsync();
            peer.Dispose();
        }
    }

    [Fact]
    public async Task Writes_wait_for_a_slow_reader_and_lose_nothing()
    {
        var (stream, peer) = await PairAsync();
        var sent = new byte[20_000_000];
        new Random(1).NextBytes(sent);
        var writing = stream.WriteAsync(sent, _end.Token).AsTask();
        await Task.Delay(50, _end.Token);
        Assert.False(writing.IsCompleted);
        var received = new byte[sent.Length];
        for (var at = 0; at < received.Length;)
            at += await peer.ReceiveAsync(received.AsMemory(at), _end.Token);
        await writing;
        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task A_flood_is_read_whole()
    {
        var (stream, peer) = await PairAsync();
        var reading = ReadAllAsync(stream);
        for (var sent = 0; sent < 50; sent++)
            await peer.SendAsync(new byte[1_000_000], _end.Token);
        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(50_000_000, await reading.WaitAsync(Limit));
    }

    [Fact]
    public async Task Who_waits_is_woken_when_he_gives_up()
    {
        var (stream, _) = await PairAsync();
        using var givesUp = new CancellationTokenSource();
        var read = stream.ReadAsync(new byte[1], givesUp.Token).AsTask();
        givesUp.CancelAfter(20);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.WaitAsync(Limit));
    }

    [Fact]
    public async Task Who_waits_is_woken_when_the_stream_ends()
    {
        var (stream, _) = await PairAsync();
        var read = stream.ReadAsync(new byte[1], _end.Token).AsTask();
        await Task.Delay(20, _end.Token);
        await stream.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => read.WaitAsync(Limit));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.WriteAsync(new byte[1], _end.Token).AsTask());
    }

    [Fact]
    public async Task Connecting_to_a_port_that_nobody_has_is_refused()
    {
        var nobody = (IPEndPoint)_listener.LocalEndPoint!;
        _listener.Dispose();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var refused = await Assert.ThrowsAsync<SocketException>(() => PolledStream.ConnectAsync(socket, nobody, ownsSocket: true, _end.Token));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Fact]
    public async Task A_stream_that_does_not_own_its_socket_leaves_it_open()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var stream = await PolledStream.ConnectAsync(socket, (IPEndPoint)_listener.LocalEndPoint!, ownsSocket: false, _end.Token);
        using var peer = await _listener.AcceptAsync(_end.Token);
        await stream.DisposeAsync();
        Assert.Equal(1, socket.Send(new byte[1]));
        Assert.Equal(1, await peer.ReceiveAsync(new byte[10], _end.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _end.Dispose();
        _listener.Dispose();
    }

    private async Task<(PolledStream Stream, Socket Peer)> PairAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var stream = await PolledStream.ConnectAsync(socket, (IPEndPoint)_listener.LocalEndPoint!, ownsSocket: true, _end.Token);
        return (stream, await _listener.AcceptAsync(_end.Token));
    }

    private async Task<int> ReadAllAsync(PolledStream stream)
    {
        var buffer = new byte[10_000];
        for (var all = 0; ;)
        {
            var read = await stream.ReadAsync(buffer, _end.Token);
            if (read == 0)
                return all;
            all += read;
        }
    }
}
