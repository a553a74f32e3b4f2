using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Skep.Rpc.Http2;
using Skep.Rpc.Server;
using Xunit;

namespace Skep.UnitTests.Rpc;

/// <summary>The server, frame by frame: what no well-behaved client sends.</summary>
public sealed class RawConnectionTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly byte[] Hello = [0, 0, 0, 0, 2, (byte)'h', (byte)'i'];

    private readonly FakeTimeProvider _time = new();
    private readonly EchoService _service = new();
    private readonly RpcServer _server;
    private readonly List<TcpClient> _sockets = [];
    private NetworkStream _stream = null!;

    public RawConnectionTests() => _server = _service.Start(_time);

    [Fact]
    public async Task It_greets_and_answers()
    {
        await OpenAsync();
        await SendAsync(FrameType.Headers, Frame.EndHeaders, 1, Headers("/test.Echo/Unary"));
        await SendAsync(FrameType.Data, Frame.EndStream, 1, Hello);
        Assert.Equal((FrameType.Headers, 1), Described(await NextAsync()));
        var (data, payload) = await NextAsync();
        Assert.Equal((FrameType.Data, 1), (data.Type, data.Stream));
        Assert.Equal(Hello, payload);
        var (trailers, _) = await NextAsync();
        Assert.True(trailers is { Type: FrameType.Headers, Stream: 1 } && trailers.Has(Frame.EndStream));
    }

    [Fact]
    public async Task Frames_may_come_byte_by_byte_and_headers_in_pieces_with_padding_and_priority()
    {
        await OpenAsync();
        var headers = Headers("/test.Echo/Unary");
        byte[] first = [3, 0, 0, 0, 0, 16, .. headers[..10], 0, 0, 0];
        byte[] bytes =
        [
            .. Bytes(FrameType.Headers, Frame.Padded | Frame.HasPriority, 1, first),
            .. Bytes(FrameType.Continuation, 0, 1, headers[10..20]),
            .. Bytes(FrameType.Continuation, Frame.EndHeaders, 1, headers[20..]),
            .. Bytes((FrameType)0xfa, 0, 1, [1, 2, 3]),
            .. Bytes(FrameType.Priority, 0, 1, [0, 0, 0, 0, 1]),
            .. Bytes(FrameType.Data, Frame.Padded, 1, [2, .. Hello[..3], 0, 0]),
            .. Bytes(FrameType.Data, Frame.EndStream, 1, Hello[3..]),
        ];
        foreach (var b in bytes)
            await _stream.WriteAsync(new[] { b });
        Assert.Equal((FrameType.Headers, 1), Described(await NextAsync()));
        Assert.Equal(Hello, (await NextAsync()).Payload);
    }

    [Fact]
    public async Task A_ping_is_answered_with_its_own_bytes()
    {
        await OpenAsync();
        await SendAsync(FrameType.Ping, 0, 0, "12345678"u8.ToArray());
        var (frame, payload) = await NextAsync();
        Assert.True(frame.Type == FrameType.Ping && frame.Has(Frame.Ack));
        Assert.Equal("12345678"u8, payload);
    }

    [Fact]
    public async Task What_is_not_gRPC_is_told_so()
    {
        await OpenAsync();
        await SendAsync(FrameType.Headers, Frame.EndHeaders | Frame.EndStream, 1, Headers("/test.Echo/Unary", "text/html"));
        var (frame, payload) = await NextAsync();
        Assert.True(frame.Type == FrameType.Headers && frame.Has(Frame.EndStream));
        Assert.Contains("415", Encoding.ASCII.GetString(payload), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_without_a_message_and_one_with_two_are_refused()
    {
        await OpenAsync();
        await SendAsync(FrameType.Headers, Frame.EndHeaders | Frame.EndStream, 1, Headers("/test.Echo/Unary"));
        Assert.Contains("no message", await RefusalAsync(), StringComparison.Ordinal);
        await SendAsync(FrameType.Headers, Frame.EndHeaders, 3, Headers("/test.Echo/Unary"));
        await SendAsync(FrameType.Data, Frame.EndStream, 3, [.. Hello, .. Hello]);
        Assert.Contains("more than one", await RefusalAsync(), StringComparison.Ordinal);
        await SendAsync(FrameType.Headers, Frame.EndHeaders, 5, Headers("/test.Echo/Unary"));
        await SendAsync(FrameType.Data, Frame.EndStream, 5, [1, .. Hello[1..]]);
        Assert.Contains("compressed", await RefusalAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\t")]
    public async Task What_does_not_speak_HTTP_2_is_left(string words)
    {
        await ConnectAsync();
        await _stream.WriteAsync(Encoding.ASCII.GetBytes(words));
        await ClosedAsync();
    }

    [Fact]
    public async Task Frames_that_may_not_come_end_the_connection()
    {
        var headers = Headers("/test.Echo/Unary");
        byte[][] wrong =
        [
            [0, 0x40, 1, 0, 0, 0, 0, 0, 1], // a byte too long
            Bytes(FrameType.Headers, Frame.EndHeaders, 2, headers),
            Bytes(FrameType.Headers, Frame.EndHeaders, 1, [0xff, 0xff, 0xff, 0xff, 0xff]),
            Bytes(FrameType.Headers, Frame.EndHeaders, 1, [0xbe]), // of a table that is empty
            Bytes(FrameType.Headers, Frame.EndHeaders | Frame.Padded, 1, [200, .. headers]),
            [.. Bytes(FrameType.Headers, 0, 1, headers), .. Bytes(FrameType.Ping, 0, 0, new byte[8])],
            Bytes(FrameType.Continuation, Frame.EndHeaders, 1, headers),
            [.. Bytes(FrameType.Headers, 0, 1, new byte[16_000]), .. Bytes(FrameType.Continuation, 0, 1, new byte[16_000])],
            Bytes(FrameType.WindowUpdate, 0, 0, [0x7f, 0xff, 0xff, 0xff]),
            Bytes(FrameType.WindowUpdate, 0, 0, [1]),
            Bytes(FrameType.Settings, 0, 0, [0, 4, 0xff, 0xff, 0xff, 0xff]),
            Bytes(FrameType.PushPromise, Frame.EndHeaders, 1, headers),
        ];
        foreach (var bytes in wrong)
        {
            await OpenAsync();
            await _stream.WriteAsync(bytes);
            await ClosedAsync();
        }
    }

    [Fact]
    public async Task A_caller_that_sends_more_than_its_window_loses_the_call()
    {
        _service.OnUp = (_, context) => Task.Delay(Timeout.Infinite, context.CancellationToken).ContinueWith(_ => "", TaskScheduler.Default);
        await OpenAsync();
        await SendAsync(FrameType.Headers, Frame.EndHeaders, 1, Headers("/test.Echo/Up"));
        // Many small messages, none of which the method takes.
        byte[] messages = [.. Enumerable.Repeat(Hello, 2_000).SelectMany(hello => hello)];
        for (var i = 0; i < 10; i++)
            await SendAsync(FrameType.Data, 0, 1, messages);
        Assert.Equal((FrameType.ResetStream, 1), Described(await NextAsync()));
    }

    [Fact]
    public async Task A_caller_that_resets_its_calls_does_not_get_to_run_more_at_a_time()
    {
        var running = 0;
        _service.OnUnary = async (text, _) =>
        {
            Interlocked.Increment(ref running);
            await Task.Delay(Timeout.Infinite, CancellationToken.None);
            return text;
        };
        await OpenAsync();
        for (var id = 1; id < 401; id += 2)
        {
            await SendAsync(FrameType.Headers, Frame.EndHeaders, id, Headers("/test.Echo/Unary"));
            await SendAsync(FrameType.Data, Frame.EndStream, id, Hello);
            await SendAsync(FrameType.ResetStream, 0, id, [0, 0, 0, 8]);
        }
        Assert.Equal(FrameType.ResetStream, (await NextAsync()).Frame.Type);
        await SendAsync(FrameType.Ping, 0, 0, new byte[8]);
        while ((await NextAsync()).Frame.Type != FrameType.Ping)
        {
            // Further calls are refused.
        }
        Assert.Equal(96, running);
    }

    [Fact]
    public async Task A_caller_that_does_not_read_its_answers_is_not_read_either()
    {
        await OpenAsync();
        byte[] flood = [.. Enumerable.Range(0, 100).SelectMany(_ => Bytes(FrameType.Ping, 0, 0, new byte[8]))];
        var sent = 0L;
        while (sent < 100 << 20)
        {
            var write = _stream.WriteAsync(flood).AsTask();
            if (await Task.WhenAny(write, Task.Delay(1_000)) != write)
                break;
            sent += flood.Length;
        }
        Assert.InRange(sent, 1, 60 << 20);
    }

    [Fact]
    public async Task A_silent_caller_is_asked_and_given_up_when_it_does_not_answer()
    {
        await OpenAsync();
        await SendAsync(FrameType.Ping, 0, 0, new byte[8]);
        await NextAsync();
        Pass(35);
        var (asked, payload) = await NextAsync();
        Assert.True(asked.Type == FrameType.Ping && !asked.Has(Frame.Ack));
        await SendAsync(FrameType.Ping, Frame.Ack, 0, payload);
        await SendAsync(FrameType.Ping, 0, 0, new byte[8]);
        Assert.True((await NextAsync()).Frame.Has(Frame.Ack));
        Pass(35);
        Assert.False((await NextAsync()).Frame.Has(Frame.Ack));
        Pass(20);
        await ClosedAsync();

        void Pass(int seconds)
        {
            for (var i = 0; i < seconds; i++)
                _time.Advance(TimeSpan.FromSeconds(1));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _sockets.ForEach(socket => socket.Dispose());
        await _server.DisposeAsync();
    }

    private async Task ConnectAsync()
    {
        var socket = new TcpClient();
        _sockets.Add(socket);
        await socket.ConnectAsync(_server.EndPoint);
        _stream = socket.GetStream();
    }

    /// <summary>A connection on which both sides have greeted.</summary>
    private async Task OpenAsync()
    {
        await ConnectAsync();
        await _stream.WriteAsync((byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Bytes(FrameType.Settings, 0, 0, [])]);
        var seen = new List<FrameType>();
        for (var i = 0; i < 3; i++)
            seen.Add((await NextAsync()).Frame.Type);
        Assert.Equal([FrameType.Settings, FrameType.WindowUpdate, FrameType.Settings], seen);
    }

    private async Task<string> RefusalAsync()
    {
        while (true)
        {
            var (frame, payload) = await NextAsync();
            if (frame.Type == FrameType.Headers)
                return Encoding.ASCII.GetString(payload);
        }
    }

    private async Task ClosedAsync()
    {
        var rest = new byte[1024];
        try
        {
            while (await _stream.ReadAsync(rest).AsTask().WaitAsync(Patience) > 0)
            {
                // What it had still to say.
            }
        }
        catch (IOException)
        {
            // Reset: closed too.
        }
    }

    private async Task<(Frame Frame, byte[] Payload)> NextAsync()
    {
        var header = new byte[Frame.HeaderBytes];
        await _stream.ReadExactlyAsync(header).AsTask().WaitAsync(Patience);
        var frame = Frame.Read(header);
        var payload = new byte[frame.Length];
        await _stream.ReadExactlyAsync(payload).AsTask().WaitAsync(Patience);
        return (frame, payload);
    }

    private static (FrameType Type, int Stream) Described((Frame Frame, byte[] Payload) next) => (next.Frame.Type, next.Frame.Stream);

    private ValueTask SendAsync(FrameType type, byte flags, int stream, byte[] payload) => _stream.WriteAsync(Bytes(type, flags, stream, payload));

    private static byte[] Bytes(FrameType type, byte flags, int stream, byte[] payload)
    {
        var bytes = new byte[Frame.HeaderBytes + payload.Length];
        new Frame(payload.Length, type, flags, stream).Write(bytes);
        payload.CopyTo(bytes, Frame.HeaderBytes);
        return bytes;
    }

    /// <summary>POST, http, the path and the content's type, none of which the peer is to keep.</summary>
    private static byte[] Headers(string path, string contentType = "application/grpc") =>
        [0x83, 0x86, 0x04, (byte)path.Length, .. Encoding.ASCII.GetBytes(path), 0x0f, 0x10, (byte)contentType.Length, .. Encoding.ASCII.GetBytes(contentType)];
}
