using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Skep.Api;
using Skep.Api.Routing;
using Xunit;

namespace Skep.UnitTests.Api;

public sealed class RoutingTests
{
    private const string Version = "{\"Version\":\"20.10\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\",\"Components\":[{\"Name\":\"Engine\"}]}";

    private static Task Engine(string head, Stream stream)
    {
        var target = head.Split(' ')[1];
        return target.Contains("/version", StringComparison.Ordinal) ? FakeEngine.JsonAsync(stream, Version)
            : target.EndsWith("/_ping", StringComparison.Ordinal) ? FakeEngine.SendAsync(stream, $"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nBuilder-Version: 1\r\nContent-Length: {(head.StartsWith("HEAD", StringComparison.Ordinal) ? 0 : 2)}\r\nConnection: close\r\n\r\n{(head.StartsWith("HEAD", StringComparison.Ordinal) ? "" : "OK")}")
            : target.Contains("/info", StringComparison.Ordinal) ? FakeEngine.JsonAsync(stream, "{\"Name\":\"h1\",\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeID\":\"w\"}}")
            : FakeEngine.JsonAsync(stream, "[{\"Name\":\"bridge\"}]");
    }

    private sealed record Spec(string Name, int Replicas);

    private static ApiRoutes Routes() => new ApiRoutes()
        .Map("GET", "/services/{id}", c => c.WriteJsonAsync(new { Id = c["id"], Version = c.Version.ToString() }))
        .Map("POST", "/services/create", async c => await c.WriteJsonAsync(await c.ReadJsonAsync<Spec>(maxBytes: 1000), 201))
        .Map("GET", "/services/create", c => throw new InvalidOperationException("secret\nof the inside"))
        .Map("GET", "/volumes/{name...}", c => c.QueryFlag("mine") ? c.WriteJsonAsync(c["name"]) : c.ForwardAsync())
        .Map("GET", "/networks", async c =>
        {
            var mine = (await c.CallEngineAsync()).EnsureSuccess().Json!.AsArray();
            mine.Add(new JsonObject { ["Name"] = "ingress" });
            await c.WriteJsonAsync(mine);
        });

    [Theory]
    [InlineData("/services/web", 200, "{\"Id\":\"web\",\"Version\":\"1.41\"}\n")]
    [InlineData("/v1.30/services/a%2Fb", 200, "{\"Id\":\"a%2Fb\",\"Version\":\"1.30\"}\n")]
    [InlineData("/v1.99/services/web", 400, "{\"message\":\"client version 1.99 is too new. Maximum supported API version is 1.41\"}\n")]
    [InlineData("/v1.9/services/web", 400, "{\"message\":\"client version 1.9 is too old. Minimum supported API version is 1.12, please upgrade your client to a newer version\"}\n")]
    [InlineData("/services/create", 500, "{\"message\":\"internal error in skepd: InvalidOperationException (see its log)\"}\n")]
    [InlineData("/volumes/a/b?mine=1", 200, "\"a/b\"\n")]
    [InlineData("/volumes/a/b?mine=0", 200, "[{\"Name\":\"bridge\"}]")]
    [InlineData("/networks", 200, "[{\"Name\":\"bridge\"},{\"Name\":\"ingress\"}]\n")]
    [InlineData("/services/web/logs", 200, "[{\"Name\":\"bridge\"}]")]
    public async Task Claimed_calls_are_answered_others_passed_on(string path, int status, string body)
    {
        await using var api = await ApiFixture.StartAsync(Engine, routes: Routes());
        using var response = await api.Client.GetAsync(path);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(body, await response.Content.ReadAsStringAsync());
        Assert.Equal("1.41", response.Headers.GetValues("Api-Version").Single());
    }

    [Theory]
    [InlineData("{\"name\":\"x\",\"Replicas\":2,\"Unknown\":{}}", "application/json", 201, "\"Name\":\"x\"")]
    [InlineData("{\"Name\":5}", "application/json", 400, "invalid JSON: ")]
    [InlineData("{\"Name\":", "application/json", 400, "invalid JSON: ")]
    [InlineData("{} {}", "application/json", 400, "invalid JSON: ")]
    [InlineData("null", "application/json", 400, "invalid JSON: ")]
    [InlineData("", "application/json", 400, "invalid JSON: got EOF while reading request body")]
    [InlineData("{}", "text/plain", 400, "unsupported Content-Type header (text/plain): must be 'application/json'")]
    public async Task Bodies_are_checked(string body, string type, int status, string part)
    {
        await using var api = await ApiFixture.StartAsync(Engine, routes: Routes());
        using var response = await api.Client.PostAsync("/v1.41/services/create", new StringContent(body, Encoding.UTF8, type));
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Contains(part, await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_body_over_its_limit_is_refused()
    {
        await using var api = await ApiFixture.StartAsync(Engine, routes: Routes());
        using var response = await api.Client.PostAsync("/services/create", new StringContent(new string(' ', 1001), Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    private sealed class Manager : ISwarmInfo
    {
        public string PingStatus => "active/manager";

        public ValueTask<JsonObject> GetInfoAsync(CancellationToken cancellationToken) => ValueTask.FromResult(new JsonObject { ["NodeID"] = "m" });
    }

    [Fact]
    public async Task Ping_version_and_info_are_the_engines_with_the_swarms_part_from_skepd()
    {
        await using var api = await ApiFixture.StartAsync(Engine, swarm: new Manager());
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
        {
            using var ping = await api.Client.SendAsync(new HttpRequestMessage(method, "/_ping"));
            Assert.Equal(HttpStatusCode.OK, ping.StatusCode);
            Assert.Equal("active/manager", ping.Headers.GetValues("Swarm").Single());
            Assert.Equal("1", ping.Headers.GetValues("Builder-Version").Single());
            Assert.Equal(method == HttpMethod.Get ? "OK" : "", await ping.Content.ReadAsStringAsync());
        }
        var version = JsonNode.Parse(await api.Client.GetStringAsync("/v1.41/version"))!;
        Assert.Equal(["Engine", "Skep"], version["Components"]!.AsArray().Select(c => (string)c!["Name"]!));
        Assert.Equal("1.41", (string)version["ApiVersion"]!);
        var info = JsonNode.Parse(await api.Client.GetStringAsync("/v1.41/info"))!;
        Assert.Equal("h1", (string)info["Name"]!);
        Assert.Equal("{\"NodeID\":\"m\"}", info["Swarm"]!.ToJsonString());
    }

    [Fact]
    public async Task With_the_engine_down_a_ping_still_tells_version_and_role()
    {
        await using var api = await ApiFixture.StartAsync(swarm: new Manager());
        using var ping = await api.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/_ping"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ping.StatusCode);
        Assert.Equal("1.41", ping.Headers.GetValues("Api-Version").Single());
        Assert.Equal("active/manager", ping.Headers.GetValues("Swarm").Single());
    }

    [Fact]
    public async Task Without_engine_skepd_answers_itself()
    {
        await using var api = await ApiFixture.StartAsync(noEngine: true);
        Assert.Equal("OK", await api.Client.GetStringAsync("/_ping"));
        Assert.Equal("1.41", (string)JsonNode.Parse(await api.Client.GetStringAsync("/version"))!["ApiVersion"]!);
        Assert.Equal("inactive", (string)JsonNode.Parse(await api.Client.GetStringAsync("/info"))!["Swarm"]!["LocalNodeState"]!);
    }
}
