using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Skep.UnitTests.Api;

public sealed class HijackTests
{
    private const string Upgraded = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("POST /v1.41/containers/x/attach?stdin=1&stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /v1.41/containers/x/attach?stdin=1&stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: keep-alive, Upgrade\r\nUpgrade: tcp\r\n\r\n")]
    [InlineData("POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nX-Docker-Expose-Session-Uuid: u\r\n\r\n")]
    public async Task The_clients_end_of_sending_reaches_the_engine_while_output_still_flows(string request)
    {
        string? stdin = null;
        await using var api = await ApiFixture.StartAsync(async (head, stream) =>
        {
            Assert.Contains("Connection: Upgrade\r\n", head);
            await FakeEngine.SendAsync(stream, Upgraded);
            stdin = await FakeEngine.ReadToEndAsync(stream); // ends only with the client's end
            await Task.Delay(50);
            await FakeEngine.SendAsync(stream, "late " + stdin);
        });
        using var raw = await api.ConnectAsync();
        await FakeEngine.SendAsync(raw, request);
        Assert.Equal(Upgraded, await FakeEngine.ReadHeadAsync(raw).WaitAsync(Limit));
        await FakeEngine.SendAsync(raw, "hi");
        raw.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal("late hi", await FakeEngine.ReadToEndAsync(raw).WaitAsync(Limit));
    }

    [Fact]
    public async Task A_request_with_a_body_can_become_a_stream_as_exec_start_does()
    {
        await using var api = await ApiFixture.StartAsync(async (head, stream) =>
        {
            Assert.Contains("Content-Length: 16\r\n", head);
            var body = new byte[16];
            await stream.ReadExactlyAsync(body);
            await FakeEngine.SendAsync(stream, Upgraded + Encoding.ASCII.GetString(body));
            await FakeEngine.SendAsync(stream, await FakeEngine.ReadToEndAsync(stream));
        });
        using var raw = await api.ConnectAsync();
        await FakeEngine.SendAsync(raw, "POST /exec/1/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"Detach\":false}");
        await FakeEngine.ReadHeadAsync(raw).WaitAsync(Limit);
        await FakeEngine.SendAsync(raw, "in");
        raw.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal("{\"Detach\":false}in", await FakeEngine.ReadToEndAsync(raw).WaitAsync(Limit));
    }

    [Fact]
    public async Task Old_clients_get_their_stream_after_a_200_without_upgrade()
    {
        const string head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
        await using var api = await ApiFixture.StartAsync(async (_, stream) =>
        {
            await FakeEngine.SendAsync(stream, head);
            await FakeEngine.SendAsync(stream, "got " + await FakeEngine.ReadToEndAsync(stream));
        });
        using var raw = await api.ConnectAsync();
        await FakeEngine.SendAsync(raw, "POST /containers/x/attach?stdin=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(head, await FakeEngine.ReadHeadAsync(raw).WaitAsync(Limit));
        await FakeEngine.SendAsync(raw, "old");
        raw.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal("got old", await FakeEngine.ReadToEndAsync(raw).WaitAsync(Limit));
    }

    [Fact]
    public async Task The_engines_end_ends_the_stream_with_nothing_lost_though_the_client_could_go_on_sending()
    {
        const int size = 8 << 20;
        await using var api = await ApiFixture.StartAsync(async (_, stream) =>
        {
            await FakeEngine.SendAsync(stream, Upgraded);
            await stream.WriteAsync(new byte[size]);
        });
        using var raw = await api.ConnectAsync();
        await FakeEngine.SendAsync(raw, "POST /containers/x/attach HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        await FakeEngine.ReadHeadAsync(raw).WaitAsync(Limit);
        Assert.Equal(size, (await FakeEngine.ReadToEndAsync(raw).WaitAsync(Limit)).Length);
    }

    [Fact]
    public async Task A_refused_attach_is_an_ordinary_answer_and_the_connection_goes_on()
    {
        await using var api = await ApiFixture.StartAsync((_, stream) => FakeEngine.JsonAsync(stream, "{\"message\":\"No such container: x\"}", 404));
        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/containers/x/attach");
            request.Headers.Add("Connection", "Upgrade");
            request.Headers.Add("Upgrade", "tcp");
            using var response = await api.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("{\"message\":\"No such container: x\"}", await response.Content.ReadAsStringAsync());
        }
    }
}
