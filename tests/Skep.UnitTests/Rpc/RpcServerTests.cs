using Grpc.Core;
using Grpc.Net.Client;
using Skep.Rpc.Server;
using Xunit;

namespace Skep.UnitTests.Rpc;

/// <summary>The server, with gRPC's own client.</summary>
public sealed class RpcServerTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly EchoService _service = new();
    private readonly RpcServer _server;
    private readonly GrpcChannel _channel;
    private readonly CallInvoker _client;

    public RpcServerTests()
    {
        _server = _service.Start();
        _channel = GrpcChannel.ForAddress($"http://{_server.EndPoint}", new GrpcChannelOptions { MaxReceiveMessageSize = null });
        _client = _channel.CreateCallInvoker();
    }

    [Fact]
    public async Task Calls_of_every_kind_are_answered()
    {
        Assert.Equal("hello", await UnaryAsync("hello"));

        using var down = _client.AsyncServerStreamingCall(EchoService.Down, null, default, "one two three");
        Assert.Equal(["one", "two", "three"], await AllAsync(down.ResponseStream));

        using var up = _client.AsyncClientStreamingCall(EchoService.Up, null, default);
        foreach (var text in new[] { "a", "b", "c" })
            await up.RequestStream.WriteAsync(text);
        await up.RequestStream.CompleteAsync();
        Assert.Equal("abc", await up.ResponseAsync.WaitAsync(Patience));

        using var both = _client.AsyncDuplexStreamingCall(EchoService.Both, null, default);
        for (var i = 0; i < 100; i++)
        {
            await both.RequestStream.WriteAsync($"{i}");
            Assert.True(await both.ResponseStream.MoveNext(default).WaitAsync(Patience));
            Assert.Equal($"{i}!", both.ResponseStream.Current);
        }
        await both.RequestStream.CompleteAsync();
        Assert.False(await both.ResponseStream.MoveNext(default).WaitAsync(Patience));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16_379)] // With its prefix exactly a frame.
    [InlineData(16_380)]
    [InlineData(65_530)]
    [InlineData(4 << 20)]
    public async Task Messages_of_any_size_pass_both_ways(int size)
    {
        var text = new string('x', size);
        Assert.Equal(text, await UnaryAsync(text));
        using var both = _client.AsyncDuplexStreamingCall(EchoService.Both, null, default);
        for (var i = 0; i < 3; i++)
        {
            await both.RequestStream.WriteAsync(text).WaitAsync(Patience);
            Assert.True(await both.ResponseStream.MoveNext(default).WaitAsync(Patience));
            Assert.Equal(size + 1, both.ResponseStream.Current.Length);
        }
    }

    [Fact]
    public async Task Thousands_of_calls_at_once_are_answered_each_with_its_own()
    {
        _service.OnUnary = async (text, _) =>
        {
            await Task.Yield();
            return text;
        };
        var answers = await Task.WhenAll(Enumerable.Range(0, 5_000).Select(i => UnaryAsync($"{i}")));
        Assert.Equal(Enumerable.Range(0, 5_000).Select(i => $"{i}"), answers);
    }

    [Fact]
    public async Task Refusals_come_with_their_words_and_trailers()
    {
        _service.OnUnary = (_, _) => throw new RpcException(new Status(StatusCode.AlreadyExists, "100% \"grün\"\nzwei"), new Metadata { { "node", "n1" }, { "raw-bin", [1, 2, 255] } });
        var refusal = await Assert.ThrowsAsync<RpcException>(() => UnaryAsync(""));
        Assert.Equal((StatusCode.AlreadyExists, "100% \"grün\"\nzwei"), (refusal.StatusCode, refusal.Status.Detail));
        Assert.Equal("n1", refusal.Trailers.GetValue("node"));
        Assert.Equal([1, 2, 255], refusal.Trailers.GetValueBytes("raw-bin"));
    }

    [Fact]
    public async Task A_very_long_refusal_is_cut_and_arrives()
    {
        _service.OnUnary = (_, _) => throw new RpcException(new Status(StatusCode.Internal, new string('ü', 100_000)));
        Assert.Equal(1_024, (await Assert.ThrowsAsync<RpcException>(() => UnaryAsync(""))).Status.Detail.Length);
    }

    [Fact]
    public async Task A_method_that_fails_is_told_without_its_inner_words_and_the_connection_goes_on()
    {
        _service.OnUnary = (text, _) => text == "fail" ? throw new InvalidOperationException("a secret") : Task.FromResult(text);
        var failure = await Assert.ThrowsAsync<RpcException>(() => UnaryAsync("fail"));
        Assert.Equal(StatusCode.Unknown, failure.StatusCode);
        Assert.DoesNotContain("secret", failure.Status.Detail, StringComparison.Ordinal);
        Assert.Equal("on", await UnaryAsync("on"));
    }

    [Fact]
    public async Task What_cannot_be_called_is_unimplemented()
    {
        var method = new Method<string, string>(MethodType.Unary, "test.Echo", "Other", EchoService.Unary.RequestMarshaller, EchoService.Unary.ResponseMarshaller);
        var refusal = await Assert.ThrowsAsync<RpcException>(() => _client.AsyncUnaryCall(method, null, default, "").ResponseAsync);
        Assert.Equal(StatusCode.Unimplemented, refusal.StatusCode);
        Assert.Contains("/test.Echo/Other", refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_is_too_large_is_refused_before_it_is_all_there()
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(() => UnaryAsync(new string('x', EchoService.MaxMessageBytes + 1)));
        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Equal("on", await UnaryAsync("on"));

        using var up = _client.AsyncClientStreamingCall(EchoService.Up, null, default);
        await up.RequestStream.WriteAsync(new string('x', EchoService.MaxMessageBytes + 1)).ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(Patience);
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => up.ResponseAsync.WaitAsync(Patience))).StatusCode);
    }

    [Fact]
    public async Task A_caller_that_does_not_read_its_stream_holds_up_the_method_and_nobody_else()
    {
        var written = 0;
        _service.OnDown = async (_, to, context) =>
        {
            for (; written < 1_000; written++)
                await to.WriteAsync(new string('x', 100_000), context.CancellationToken);
        };
        using var down = _client.AsyncServerStreamingCall(EchoService.Down, null, default, "");
        Assert.True(await down.ResponseStream.MoveNext(default));
        for (var i = 0; i < 20; i++)
            Assert.Equal("on", await UnaryAsync("on").WaitAsync(Patience));
        await Task.Delay(200);
        Assert.InRange(written, 1, 500);

        var read = 1;
        while (await down.ResponseStream.MoveNext(default).WaitAsync(Patience))
            read++;
        Assert.Equal(1_000, read);
    }

    [Fact]
    public async Task A_method_that_does_not_read_its_requests_holds_up_its_caller_and_nobody_else()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.OnUp = async (from, context) =>
        {
            await go.Task;
            var count = 0;
            while (await from.MoveNext(context.CancellationToken))
                count++;
            return $"{count}";
        };
        using var up = _client.AsyncClientStreamingCall(EchoService.Up, null, default);
        var sent = 0;
        var sending = Task.Run(async () =>
        {
            for (; sent < 200; sent++)
                await up.RequestStream.WriteAsync(new string('x', 50_000));
            await up.RequestStream.CompleteAsync();
        });
        for (var i = 0; i < 20; i++)
            Assert.Equal("on", await UnaryAsync("on").WaitAsync(Patience));
        await Task.Delay(200);
        Assert.InRange(sent, 1, 50);
        go.SetResult();
        await sending.WaitAsync(Patience);
        Assert.Equal("200", await up.ResponseAsync.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_method_may_answer_before_its_caller_is_done()
    {
        _service.OnUp = async (from, context) =>
        {
            await from.MoveNext(context.CancellationToken);
            return "enough";
        };
        using var up = _client.AsyncClientStreamingCall(EchoService.Up, null, default);
        await up.RequestStream.WriteAsync("a");
        Assert.Equal("enough", await up.ResponseAsync.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_caller_that_gives_up_ends_its_method()
    {
        var ended = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.OnUp = async (from, context) =>
        {
            try
            {
                while (await from.MoveNext(default))
                    _service.Seen.Enqueue(from.Current);
            }
            catch (IOException e)
            {
                ended.SetResult($"{e.Message}, {context.CancellationToken.IsCancellationRequested}");
            }
            return "";
        };
        using (var up = _client.AsyncClientStreamingCall(EchoService.Up, null, default))
        {
            await up.RequestStream.WriteAsync("a");
            await UntilAsync(() => _service.Seen.Contains("a"));
        }
        Assert.Equal("the caller went away, True", await ended.Task.WaitAsync(Patience));
        Assert.Equal("on", await UnaryAsync("on"));
    }

    [Fact]
    public async Task The_end_of_a_connection_ends_its_methods()
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.OnDown = async (_, _, context) =>
        {
            _service.Seen.Enqueue("begun");
            await Task.Delay(Timeout.Infinite, context.CancellationToken).ContinueWith(_ => ended.SetResult(), TaskScheduler.Default);
        };
        using var channel = GrpcChannel.ForAddress($"http://{_server.EndPoint}");
        using var down = channel.CreateCallInvoker().AsyncServerStreamingCall(EchoService.Down, null, default, "");
        await UntilAsync(() => _service.Seen.Contains("begun"));
        channel.Dispose();
        await ended.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_write_that_waits_ends_with_its_token()
    {
        using var giveUp = new CancellationTokenSource();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.OnDown = async (_, to, _) =>
        {
            try
            {
                while (true)
                    await to.WriteAsync(new string('x', 100_000), giveUp.Token);
            }
            catch (OperationCanceledException)
            {
                ended.SetResult();
                throw new RpcException(new Status(StatusCode.Aborted, "node must disconnect"));
            }
        };
        using var down = _client.AsyncServerStreamingCall(EchoService.Down, null, default, "");
        Assert.True(await down.ResponseStream.MoveNext(default));
        await Task.Delay(100);
        await giveUp.CancelAsync();
        await ended.Task.WaitAsync(Patience);
        var failure = await Assert.ThrowsAsync<RpcException>(() => AllAsync(down.ResponseStream));
        Assert.Equal((StatusCode.Aborted, "node must disconnect"), (failure.StatusCode, failure.Status.Detail));
    }

    [Fact]
    public async Task A_server_that_stops_lets_calls_end_and_frees_its_port()
    {
        _service.OnUnary = async (text, _) =>
        {
            _service.Seen.Enqueue(text);
            await Task.Delay(300);
            return text;
        };
        var last = UnaryAsync("last");
        await UntilAsync(() => _service.Seen.Contains("last"));
        var listened = _server.EndPoint;
        await _server.DisposeAsync();
        Assert.Equal("last", await last);
        await Assert.ThrowsAsync<RpcException>(() => UnaryAsync("late"));

        using var again = new System.Net.Sockets.TcpListener(listened);
        again.Start();
    }

    [Fact]
    public async Task A_server_that_stops_ends_calls_that_do_not_end()
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.OnDown = async (_, to, context) =>
        {
            await to.WriteAsync("begun");
            await Task.Delay(Timeout.Infinite, context.CancellationToken).ContinueWith(_ => ended.SetResult(), TaskScheduler.Default);
        };
        using var down = _client.AsyncServerStreamingCall(EchoService.Down, null, default, "");
        Assert.True(await down.ResponseStream.MoveNext(default));
        await _server.DisposeAsync().AsTask().WaitAsync(Patience);
        await ended.Task.WaitAsync(Patience);
    }

    [Fact]
    public void A_port_that_is_taken_is_said()
    {
        var taken = new RpcServer(_server.EndPoint, (_, _) => Task.FromResult<RpcPeer?>(null), new MethodTable(), _ => ValueTask.CompletedTask, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        Assert.Contains("address already in use", Assert.Throws<IOException>(taken.Start).Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _server.DisposeAsync();
    }

    private async Task<string> UnaryAsync(string text)
    {
        using var call = _client.AsyncUnaryCall(EchoService.Unary, null, default, text);
        return await call.ResponseAsync.WaitAsync(Patience);
    }

    private static async Task<List<string>> AllAsync(IAsyncStreamReader<string> stream)
    {
        var all = new List<string>();
        while (await stream.MoveNext(default).WaitAsync(Patience))
            all.Add(stream.Current);
        return all;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 1_000 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }
}
