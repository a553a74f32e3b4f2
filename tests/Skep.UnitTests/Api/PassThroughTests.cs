using System.Net;
using System.Text;
using Xunit;

namespace Skep.UnitTests.Api;

public sealed class PassThroughTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Request_line_headers_and_answer_pass_unchanged()
    {
        string? seen = null;
        await using var api = await ApiFixture.StartAsync(async (head, stream) =>
        {
            seen = head;
            await FakeEngine.SendAsync(stream, "HTTP/1.1 418 Odd\r\nX-Docker-Container-Path-Stat: abc\r\nContent-Length: 2\r\n\r\nhi");
        });
        using var raw = await api.ConnectAsync();
        await FakeEngine.SendAsync(raw, "GET /v1.41/images/a%2Fb:1/../x/json?f=%7B%22a%22%3A1%7D&x=%2f HTTP/1.1\r\nHost: docker\r\nX-Registry-Auth: secret==\r\nConnection: close\r\n\r\n");
        var answer = await FakeEngine.ReadToEndAsync(raw).WaitAsync(Limit);

        Assert.StartsWith("GET /v1.41/images/a%2Fb:1/../x/json?f=%7B%22a%22%3A1%7D&x=%2f HTTP/1.1\r\n", seen);
        Assert.Contains("X-Registry-Auth: secret==\r\n", seen);
        Assert.StartsWith("HTTP/1.1 418", answer);
        Assert.Contains("X-Docker-Container-Path-Stat: abc\r\n", answer);
        Assert.EndsWith("\r\n\r\nhi", answer);
    }

    [Fact]
    public async Task Bodies_larger_than_any_buffer_stream_both_ways()
    {
        const int size = 64 << 20;
        await using var api = await ApiFixture.StartAsync(async (head, stream) =>
        {
            Assert.Contains($"Content-Length: {size}\r\n", head);
            var buffer = new byte[1 << 16];
            long got = 0;
            while (got < size) got += await stream.ReadAsync(buffer);
            await FakeEngine.SendAsync(stream, $"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
            for (var sent = 0; sent < size; sent += buffer.Length) await stream.WriteAsync(buffer);
        });
        using var response = await api.Client.PostAsync("/images/load", new ByteArrayContent(new byte[size]));
        Assert.Equal(size, (await response.Content.ReadAsByteArrayAsync()).Length);
    }

    [Fact]
    public async Task The_head_of_a_silent_stream_is_sent_at_once_and_events_as_they_come()
    {
        var go = new TaskCompletionSource();
        await using var api = await ApiFixture.StartAsync(async (_, stream) =>
        {
            await FakeEngine.SendAsync(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            await go.Task;
            await FakeEngine.SendAsync(stream, "3\r\none\r\n");
            await Task.Delay(Timeout.Infinite);
        });
        using var response = await api.Client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead).WaitAsync(Limit);
        go.SetResult();
        await using var body = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[3];
        await body.ReadExactlyAsync(buffer).AsTask().WaitAsync(Limit);
        Assert.Equal("one", Encoding.ASCII.GetString(buffer));
    }

    [Fact]
    public async Task A_client_that_leaves_a_stream_is_seen_by_the_engine()
    {
        var gone = new TaskCompletionSource();
        await using var api = await ApiFixture.StartAsync(async (_, stream) =>
        {
            await FakeEngine.SendAsync(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            if (await stream.ReadAsync(new byte[1]) == 0) gone.SetResult();
        });
        var response = await api.Client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead).WaitAsync(Limit);
        response.Dispose();
        await gone.Task.WaitAsync(Limit);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_does_not_look_whole()
    {
        await using var api = await ApiFixture.StartAsync((_, stream) => FakeEngine.SendAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => api.Client.GetStringAsync("/containers/json"));
    }

    [Fact]
    public async Task Engine_down_is_said_in_dockers_words()
    {
        await using var api = await ApiFixture.StartAsync();
        using var plain = await api.Client.GetAsync("/v1.41/containers/json");
        using var attach = await api.Client.PostAsync("/v1.41/containers/x/attach", null);
        foreach (var response in new[] { plain, attach })
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
            Assert.Equal($"{{\"message\":\"Cannot connect to the Docker daemon at unix://{api.EnginePath}. Is the docker daemon running?\"}}\n", await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Without_engine_local_endpoints_say_so()
    {
        await using var api = await ApiFixture.StartAsync(noEngine: true);
        using var response = await api.Client.GetAsync("/containers/json");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("--engine none", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(200_000, HttpStatusCode.OK)]
    [InlineData(1_100_000, HttpStatusCode.RequestHeaderFieldsTooLarge)]
    public async Task Heads_may_be_large_but_not_over_a_megabyte(int bytes, HttpStatusCode expected)
    {
        await using var api = await ApiFixture.StartAsync((_, stream) => FakeEngine.SendAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        using var raw = await api.ConnectAsync();
        var sending = SendAsFarAsTakenAsync(raw, $"GET /containers/json HTTP/1.1\r\nHost: docker\r\nX-Registry-Config: {new string('a', bytes)}\r\n\r\n");
        var head = await FakeEngine.ReadHeadAsync(raw).WaitAsync(Limit);
        Assert.StartsWith($"HTTP/1.1 {(int)expected} ", head, StringComparison.Ordinal);
        await sending;

        // Refused before it has all been sent: a client that only looks at the answer afterwards may be told of the broken pipe instead.
        static async Task SendAsFarAsTakenAsync(Stream stream, string text)
        {
            try
            {
                await FakeEngine.SendAsync(stream, text);
            }
            catch (IOException)
            {
                // The other end has answered and closed.
            }
        }
    }

    [Fact]
    public async Task Stop_cuts_streams_and_removes_the_socket_file()
    {
        await using var api = await ApiFixture.StartAsync(async (_, stream) =>
        {
            await FakeEngine.SendAsync(stream, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
            await Task.Delay(Timeout.Infinite);
        });
        using var raw = await api.ConnectAsync();
        await FakeEngine.SendAsync(raw, "POST /containers/x/attach HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n");
        await FakeEngine.ReadHeadAsync(raw).WaitAsync(Limit);
        await api.Host.StopAsync().WaitAsync(TimeSpan.FromSeconds(5));
        Assert.False(File.Exists(api.SocketPath));
    }
}
