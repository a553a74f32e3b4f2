using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Skep.Api.Swarm;
using Skep.Api.Swarm.Logs;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

public sealed class OtherEndpointsTests
{
    [Fact]
    public async Task Secrets_are_kept_but_never_shown_and_configs_are_shown()
    {
        await using var host = await SwarmHost.StartAsync();
        var data = Convert.ToBase64String("hush"u8);
        foreach (var kind in (string[])["secrets", "configs"])
        {
            var id = (string)(await host.PostAsync($"/{kind}/create", $$"""{"Name":"thing","Labels":{"a":"b"},"Data":"{{data}}"}""", HttpStatusCode.Created))!["ID"]!;
            var shown = await host.GetAsync($"/{kind}/thing");
            Assert.Equal(id, (string?)shown["ID"]);
            Assert.Equal(kind == "configs" ? data : null, (string?)shown["Spec"]!["Data"]);
            Assert.Single((await host.GetAsync($$"""/{{kind}}?filters={"label":["a=b"]}""")).AsArray());
            Assert.Empty((await host.GetAsync($$"""/{{kind}}?filters={"name":["x"]}""")).AsArray());
            Assert.Equal(HttpStatusCode.NoContent, (await host.CallAsync("DELETE", $"/{kind}/thing")).Code);
            Assert.Equal($"{kind[..^1]} thing not found", await host.RefusedAsync(HttpStatusCode.NotFound, "DELETE", $"/{kind}/thing"));
            Assert.StartsWith("invalid JSON", await host.RefusedAsync(HttpStatusCode.BadRequest, "POST", $"/{kind}/create", """{"Name":"x","Data":"!"}"""), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Networks_of_the_cluster_are_listed_and_inspected()
    {
        await using var host = await SwarmHost.StartAsync(null, Given.Network("net1id", "backend"), Given.Network("net2id", "frontend"));
        Assert.Equal(["backend", "frontend"], (await host.GetAsync("/networks")).AsArray().Select(n => (string?)n!["Name"]));
        Assert.Equal(["frontend"], (await host.GetAsync("""/networks?filters={"name":["ront"],"driver":["overlay"],"scope":["swarm"]}""")).AsArray().Select(n => (string?)n!["Name"]));
        Assert.Empty((await host.GetAsync("""/networks?filters={"scope":["local"]}""")).AsArray());
        var network = await host.GetAsync("/networks/backend");
        Assert.Equal(("net1id", "overlay", "swarm", true), ((string?)network["Id"], (string?)network["Driver"], (string?)network["Scope"], (bool)network["Attachable"]!));
        Assert.Equal("""{"Driver":"default","Options":null,"Config":[{"Subnet":"10.0.1.0/24","Gateway":"10.0.1.1"}]}""", network["IPAM"]!.ToJsonString());
        Assert.Equal("network net is ambiguous (2 matches found based on ID prefix)", await host.RefusedAsync(HttpStatusCode.BadRequest, "GET", "/networks/net"));
        Assert.Equal("network x not found", await host.RefusedAsync(HttpStatusCode.NotFound, "GET", "/networks/x"));
        Assert.Equal("network with name backend already exists", await host.RefusedAsync(HttpStatusCode.Conflict, "POST", "/networks/create", """{"Name":"backend","Driver":"overlay"}"""));
        Assert.Equal("host is a pre-defined network and cannot be created", await host.RefusedAsync(HttpStatusCode.Forbidden, "POST", "/networks/create", """{"Name":"host","Driver":"overlay"}"""));
    }

    [Fact]
    public async Task Events_tell_past_and_future()
    {
        await using var host = await SwarmHost.StartAsync();
        await host.PostAsync("/services/create", Given.Service("before"), HttpStatusCode.Created);
        using var stream = await host.StreamAsync("/events?since=1&filters=" + Uri.EscapeDataString("""{"type":["service","config"]}"""));
        var created = await NextAsync(stream);
        Assert.Equal(("service", "create", "before", "swarm"), ((string?)created["Type"], (string?)created["Action"], (string?)created["Actor"]!["Attributes"]!["name"], (string?)created["scope"]));
        Assert.InRange((long)created["timeNano"]! / 1_000_000_000, (long)created["time"]!, (long)created["time"]!);

        await host.PostAsync("/configs/create", """{"Name":"c","Data":"YQ=="}""", HttpStatusCode.Created);
        while ((string?)(created = await NextAsync(stream))["Type"] != "config")
            Assert.Equal("update", (string?)created["Action"]); // the service, as it is allocated
        Assert.Equal("c", (string?)created["Actor"]!["Attributes"]!["name"]);

        var service = await host.GetAsync("/services/before");
        service["Spec"]!["Mode"]!["Replicated"]!["Replicas"] = 7;
        await host.PostAsync($"/services/before/update?version={service["Version"]!["Index"]}", service["Spec"]!.ToJsonString());
        JsonNode updated;
        while ((updated = await NextAsync(stream))["Actor"]!["Attributes"]!["replicas.new"] is null)
            Assert.Equal("update", (string?)updated["Action"]);
        Assert.Equal(("2", "7"), ((string?)updated["Actor"]!["Attributes"]!["replicas.old"], (string?)updated["Actor"]!["Attributes"]!["replicas.new"]));
    }

    [Fact]
    public async Task Events_end_when_the_time_is_up_and_begin_when_the_swarm_does()
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        using var stream = await host.StreamAsync($"/events?until={DateTimeOffset.UtcNow.AddSeconds(3).ToUnixTimeSeconds()}");
        host.Enter(new SwarmStatus(LocalNodeState.Active, "n", "10.0.0.1", "m", "m"));
        await host.PostAsync("/configs/create", """{"Name":"c","Data":"YQ=="}""", HttpStatusCode.Created);
        Assert.Equal("config", (string?)(await NextAsync(stream))["Type"]);
        Assert.Null(await stream.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Logs_are_framed_stamped_and_detailed()
    {
        await using (var host = await SwarmHost.StartAsync())
        {
            await host.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created);
            Assert.Contains("docker logs", await host.RefusedAsync(HttpStatusCode.NotImplemented, "GET", "/services/web/logs?stdout=1"), StringComparison.Ordinal);
            Assert.Equal("must specify at least one of 'stdout' or 'stderr'", await host.RefusedAsync(HttpStatusCode.BadRequest, "GET", "/services/web/logs"));
        }
        await using var withLogs = await SwarmHost.StartAsync(new TwoLines());
        await withLogs.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created);
        var (_, body) = await withLogs.CallAsync("GET", "/services/web/logs?stdout=1&stderr=1&details=1&timestamps=1&tail=5");
        var first = "2026-01-01T00:00:00.000000007Z a+b=c,com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t one\n";
        Assert.Equal($"\u0001\0\0\0\0\0\0{(char)first.Length}{first}", body[..(8 + first.Length)]);
        Assert.Equal('\u0002', body[8 + first.Length]);
        Assert.EndsWith("two\n", body, StringComparison.Ordinal);
    }

    private static async Task<JsonNode> NextAsync(StreamReader stream) =>
        JsonNode.Parse((await stream.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(30)))!)!;

    private sealed class TwoLines : IServiceLogs
    {
        public async IAsyncEnumerable<ServiceLogMessage> ReadAsync(ServiceLogQuery query, [EnumeratorCancellation] CancellationToken cancellation)
        {
            await Task.Yield();
            Assert.Equal((5L, true, true, 1), (query.Tail!.Value, query.Stdout, query.Stderr, query.ServiceIds.Count));
            yield return new ServiceLogMessage
            {
                ServiceId = "s",
                NodeId = "n",
                TaskId = "t",
                Timestamp = new() { Seconds = 1767225600, Nanos = 7 },
                Attributes = [new("a b", "c")],
                Data = Encoding.UTF8.GetBytes("one\n"),
            };
            yield return new ServiceLogMessage { ServiceId = "s", NodeId = "n", TaskId = "t", IsStderr = true, Data = Encoding.UTF8.GetBytes("two\n") };
        }
    }
}
