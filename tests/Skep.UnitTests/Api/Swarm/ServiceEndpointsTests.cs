using System.Net;
using System.Text.Json.Nodes;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

public sealed class ServiceEndpointsTests
{
    [Fact]
    public async Task A_service_is_created_listed_scaled_and_removed()
    {
        await using var host = await SwarmHost.StartAsync();
        var created = await host.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created);
        var id = (string)created!["ID"]!;
        Assert.Equal($$"""{"ID":"{{id}}"}""", created.ToJsonString());

        var service = (await host.GetAsync("/services?status=true")).AsArray().Single()!;
        Assert.Equal("web", (string?)service["Spec"]!["Name"]);
        Assert.Equal(2, (int)service["ServiceStatus"]!["DesiredTasks"]!);
        Assert.Equal(0, (int)service["ServiceStatus"]!["RunningTasks"]!);
        Assert.Null((await host.GetAsync("/services")).AsArray().Single()!["ServiceStatus"]);

        service = await host.GetAsync("/services/web");
        var spec = service["Spec"]!;
        spec["Mode"]!["Replicated"]!["Replicas"] = 5;
        var version = (ulong)service["Version"]!["Index"]!;
        var updated = await host.PostAsync($"/services/web/update?version={version}", spec.ToJsonString());
        Assert.Equal("""{"Warnings":null}""", updated!.ToJsonString());
        Assert.Equal(5, (int)(await host.GetAsync("/services/web"))["Spec"]!["Mode"]!["Replicated"]!["Replicas"]!);
        Assert.Equal("rpc error: code = Unknown desc = update out of sequence",
            await host.RefusedAsync(HttpStatusCode.InternalServerError, "POST", $"/services/web/update?version={version}", spec.ToJsonString()));

        Assert.Equal(HttpStatusCode.OK, (await host.CallAsync("DELETE", "/services/web")).Code);
        Assert.Equal("service web not found", await host.RefusedAsync(HttpStatusCode.NotFound, "GET", "/services/web"));
    }

    [Fact]
    public async Task Defaults_are_shown_only_when_asked_for()
    {
        await using var host = await SwarmHost.StartAsync();
        await host.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created);
        Assert.Null((await host.GetAsync("/services/web"))["Spec"]!["UpdateConfig"]);
        var spec = (await host.GetAsync("/services/web?insertDefaults=true"))["Spec"]!;
        Assert.Equal(1, (int)spec["UpdateConfig"]!["Parallelism"]!);
        Assert.Equal(5_000_000_000, (long)spec["UpdateConfig"]!["Monitor"]!);
        Assert.Equal(10_000_000_000, (long)spec["TaskTemplate"]!["ContainerSpec"]!["StopGracePeriod"]!);
        Assert.Equal("any", (string?)spec["TaskTemplate"]!["RestartPolicy"]!["Condition"]);
    }

    [Theory]
    [InlineData("""{"name":["we"]}""", "web")]
    [InlineData("""{"name":{"we":true}}""", "web")]
    [InlineData("""{"label":{"app=db":true}}""", "db")]
    [InlineData("""{"label":{"app":true}}""", "db web")]
    [InlineData("""{"label":{"app=":true}}""", "db web")]
    [InlineData("""{"label":{"app=x":true}}""", "")]
    [InlineData("""{"mode":{"replicated":true}}""", "db web")]
    [InlineData("""{"mode":["global"]}""", "")]
    [InlineData("{}", "db web")]
    [InlineData("null", "db web")]
    public async Task Filters_come_in_both_forms(string filters, string expected)
    {
        await using var host = await SwarmHost.StartAsync();
        await host.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created);
        await host.PostAsync("/services/create", Given.Service("db"), HttpStatusCode.Created);
        var names = (await host.GetAsync("/services?filters=" + Uri.EscapeDataString(filters))).AsArray().Select(s => (string?)s!["Spec"]!["Name"]).Order();
        Assert.Equal(expected, string.Join(' ', names));
    }

    [Theory]
    [InlineData("""{"color":["x"]}""", "invalid filter 'color'")]
    [InlineData("""["x"]""", "invalid filter")]
    [InlineData("{", "invalid filter")]
    [InlineData("""{"name":"x"}""", "invalid filter")]
    [InlineData("""{"name":[5]}""", "invalid filter")]
    public async Task A_bad_filter_is_refused(string filters, string expected)
    {
        await using var host = await SwarmHost.StartAsync();
        Assert.Equal(expected, await host.RefusedAsync(HttpStatusCode.BadRequest, "GET", "/services?filters=" + Uri.EscapeDataString(filters)));
    }

    [Theory]
    [InlineData("create", """{"Name":"x","TaskTemplate":{"ForceUpdate":"y"}}""", "invalid JSON: json: cannot unmarshal string into Go value of type uint64 (at $.TaskTemplate.ForceUpdate)")]
    [InlineData("create", """{"Name":"x"}""", "mismatched Runtime and *Spec fields")]
    [InlineData("create", """{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"a"}},"Mode":{"Global":{},"Replicated":{}}}""", "must specify only one service mode")]
    [InlineData("create", """{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"a"},"RestartPolicy":{"Condition":"always"}}}""", "invalid RestartCondition: \"always\"")]
    [InlineData("create", """{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"a"}},"EndpointSpec":{"Mode":"x"}}""", "invalid resolution mode: \"x\"")]
    [InlineData("create", """{"Name":"x_y!","TaskTemplate":{"ContainerSpec":{"Image":"a"}}}""", "rpc error: code = InvalidArgument desc = name must be valid as a DNS name component")]
    [InlineData("web/update?version=", Spec, "invalid service version '': strconv.ParseUint: parsing \"\": invalid syntax")]
    [InlineData("web/update?version=1&rollback=next", Spec, "unrecognized rollback option next")]
    [InlineData("web/update?version=1&registryAuthFrom=x", Spec, "invalid registryAuthFrom 'x'")]
    public async Task A_bad_request_is_refused_with_its_reason(string path, string json, string expected)
    {
        await using var host = await SwarmHost.StartAsync();
        await host.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created);
        Assert.Equal(expected, await host.RefusedAsync(HttpStatusCode.BadRequest, "POST", "/services/" + path, json));
    }

    private const string Spec = """{"Name":"web","TaskTemplate":{"ContainerSpec":{"Image":"a"}}}""";

    [Fact]
    public async Task A_name_that_is_taken_is_a_conflict()
    {
        await using var host = await SwarmHost.StartAsync();
        await host.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created);
        Assert.StartsWith("rpc error: code = AlreadyExists desc = ", await host.RefusedAsync(HttpStatusCode.Conflict, "POST", "/services/create", Given.Service("web")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_without_end_is_refused()
    {
        await using var host = await SwarmHost.StartAsync();
        var json = $$"""{"Name":"{{new string('x', 5 << 20)}}"}""";
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await host.CallAsync("POST", "/services/create", json)).Code);
    }

    [Fact]
    public async Task Networks_are_named_and_kept_by_id()
    {
        await using var host = await SwarmHost.StartAsync(null, Given.Network("net1id", "backend"));
        static string Service(string network) =>
            $$$"""{"Name":"s-{{{network}}}","TaskTemplate":{"ContainerSpec":{"Image":"a"},"Networks":[{"Target":"{{{network}}}"}]}}""";
        await host.PostAsync("/services/create", Service("backend"), HttpStatusCode.Created);
        Assert.Equal("net1id", (string?)(await host.GetAsync("/services/s-backend"))["Spec"]!["TaskTemplate"]!["Networks"]![0]!["Target"]);
        Assert.Equal("network none not found", await host.RefusedAsync(HttpStatusCode.NotFound, "POST", "/services/create", Service("none")));
    }

    [Fact]
    public async Task Ids_may_be_cut_short_while_they_are_unique()
    {
        await using var host = await SwarmHost.StartAsync();
        var id = (string)(await host.PostAsync("/services/create", Given.Service("web"), HttpStatusCode.Created))!["ID"]!;
        Assert.Equal(id, (string?)(await host.GetAsync("/services/" + id[..6]))["ID"]);
        Assert.Equal("node aaaa is ambiguous (2 matches found)", await host.RefusedAsync(HttpStatusCode.BadRequest, "GET", "/nodes/aaaa"));
        Assert.Equal(Given.Node3, (string?)(await host.GetAsync("/nodes/bb"))["ID"]);
    }

    [Fact]
    public async Task Old_clients_cannot_mean_what_their_api_did_not_have()
    {
        await using var host = await SwarmHost.StartAsync();
        const string json = """{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"a","CapabilityAdd":["CAP_A"],"Sysctls":{"a":"b"}}},"Mode":{"GlobalJob":{}}}""";
        await host.PostAsync("/v1.39/services/create", json, HttpStatusCode.Created);
        var spec = (await host.GetAsync("/services/x"))["Spec"]!;
        Assert.Null(spec["TaskTemplate"]!["ContainerSpec"]!["CapabilityAdd"]);
        Assert.Null(spec["TaskTemplate"]!["ContainerSpec"]!["Sysctls"]);
        Assert.NotNull(spec["Mode"]!["Replicated"]);
    }

    [Fact]
    public async Task Registry_credentials_stay_when_an_update_brings_none_and_are_never_shown()
    {
        await using var host = await SwarmHost.StartAsync(null, new Mutation
        {
            PutService = new PutService
            {
                Service = new Wire.Service
                {
                    Id = "servicewithcredentials",
                    Spec = new Wire.ServiceSpec
                    {
                        Annotations = new Wire.Annotations { Name = "private" },
                        Task = new Wire.TaskSpec
                        {
                            Container = new Wire.ContainerSpec { Image = "a", PullOptions = new Wire.ContainerSpec.Types.PullOptions { RegistryAuth = "c2VjcmV0" } },
                        },
                        Replicated = new Wire.ReplicatedService { Replicas = 1 },
                    },
                },
            },
        });
        var service = await host.GetAsync("/services/private");
        Assert.DoesNotContain("c2VjcmV0", service.ToJsonString(), StringComparison.Ordinal);
        service["Spec"]!["TaskTemplate"]!["ContainerSpec"]!["Image"] = "b";
        await host.PostAsync($"/services/private/update?version={service["Version"]!["Index"]}", service["Spec"]!.ToJsonString());
        var container = host.Store.Read(state => state.Services["servicewithcredentials"]).Spec.Task.Container;
        Assert.Equal(("b", "c2VjcmV0"), (container.Image, container.PullOptions.RegistryAuth));
    }

    [Fact]
    public async Task Old_docker_versions_get_stocks_warning_for_images_that_nobody_resolved()
    {
        await using var host = await SwarmHost.StartAsync();
        JsonNode? answer = await host.PostAsync("/v1.29/services/create", Given.Service("web"), HttpStatusCode.Created);
        Assert.StartsWith("image nginx:1 could not be accessed on a registry to record\nits digest.", (string?)answer!["Warnings"]![0], StringComparison.Ordinal);
    }
}
