using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skep.Manager;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

public sealed class TaskAndNodeEndpointsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Tasks_are_found_by_service_node_state_and_name()
    {
        await using var host = await SwarmHost.StartAsync(null, Given.Network("net1id", "backend"));
        await host.PostAsync("/services/create", Given.Service("web", 3), HttpStatusCode.Created);
        await host.PostAsync("/services/create", Given.Service("db", 1), HttpStatusCode.Created);
        await TasksAsync(host, "{}", tasks => tasks.Count == 4 && tasks.All(t => (string?)t!["Status"]!["State"] == "assigned"));

        Assert.Equal(3, (await TasksAsync(host, """{"service":["web"]}""")).Count);
        Assert.Equal(4, (await TasksAsync(host, """{"service":["web","db"],"desired-state":["running","shutdown"]}""")).Count);
        Assert.Empty(await TasksAsync(host, """{"desired-state":["shutdown"]}"""));
        Assert.Equal(4, (await TasksAsync(host, """{"_up-to-date":["true"]}""")).Count);
        Assert.Single(await TasksAsync(host, """{"name":["web.2"]}"""));
        Assert.Single(await TasksAsync(host, """{"label":["app=db"]}"""));
        var onSelf = await TasksAsync(host, """{"node":["self"]}""");
        Assert.NotEmpty(onSelf);
        Assert.All(onSelf, t => Assert.Equal(Given.Node1, (string?)t!["NodeID"]));
        Assert.Equal(onSelf.ToJsonString(), (await TasksAsync(host, """{"node":["alpha"]}""")).ToJsonString());

        var task = onSelf[0]!;
        Assert.Equal((string?)task["ID"], (string?)(await host.GetAsync("/tasks/" + ((string)task["ID"]!)[..20]))["ID"]);
        Assert.Equal("container", (string?)(await host.GetAsync("/services/web"))["Spec"]!["TaskTemplate"]!["Runtime"]);
        Assert.Equal("service x not found", await host.RefusedAsync(HttpStatusCode.NotFound, "GET", """/tasks?filters={"service":["x"]}"""));
        Assert.Equal("Invalid desired-state filter: 'x'", await host.RefusedAsync(HttpStatusCode.BadRequest, "GET", """/tasks?filters={"desired-state":["x"]}"""));
        Assert.Equal("task x not found", await host.RefusedAsync(HttpStatusCode.NotFound, "GET", "/tasks/x"));
    }

    [Fact]
    public async Task A_task_shows_what_its_engine_reported()
    {
        await using var host = await SwarmHost.StartAsync();
        await host.PostAsync("/services/create", Given.Service("web", 1), HttpStatusCode.Created);
        var task = (await TasksAsync(host, "{}", tasks => tasks is [{ } t] && (string?)t["Status"]!["State"] == "assigned"))[0]!;
        var id = (string)task["ID"]!;
        await host.Manager!.SubmitAsync(new TaskStatusReport((string)task["NodeID"]!, [new(id, new Wire.TaskStatus
        {
            State = Wire.TaskState.Failed,
            Message = "started",
            Err = "task: non-zero exit (3)",
            Timestamp = new() { Seconds = 1767225600, Nanos = 5 },
            Container = new Wire.ContainerStatus { ContainerId = "c1", ExitCode = 3 },
        })]));
        Assert.Equal("""
            {"Timestamp":"2026-01-01T00:00:00.000000005Z","State":"failed","Message":"started","Err":"task: non-zero exit (3)","ContainerStatus":{"ContainerID":"c1","PID":0,"ExitCode":3},"PortStatus":{}}
            """, (await host.GetAsync("/tasks/" + id))["Status"]!.ToJsonString());
    }

    /// <summary>The list is written while it is made: nothing of its size is ever in memory.</summary>
    [Fact]
    public async Task A_long_list_comes_whole_and_without_a_length()
    {
        const int Count = 20_000;
        var service = new Wire.Service
        {
            Id = "bigservice",
            Spec = new Wire.ServiceSpec
            {
                Annotations = new Wire.Annotations { Name = "big" },
                Task = new Wire.TaskSpec { Container = new Wire.ContainerSpec { Image = "a", Env = { new string('x', 500) } } },
                Replicated = new Wire.ReplicatedService { Replicas = Count },
            },
        };
        var tasks = new CreateTasks { ServiceId = service.Id };
        for (var i = 1; i <= Count; i++)
            tasks.Tasks.Add(new NewTask { Id = $"task{i:D6}", Slot = (ulong)i, DesiredState = Wire.TaskState.Running });
        await using var host = await SwarmHost.StartAsync(null, new Mutation { PutService = new PutService { Service = service } }, new Mutation { CreateTasks = tasks });

        using var stream = await host.StreamAsync("/tasks");
        var shown = 0;
        await foreach (var task in JsonSerializer.DeserializeAsyncEnumerable<JsonNode>(stream.BaseStream))
            Assert.Equal($"task{++shown:D6}", (string?)task!["ID"]);
        Assert.Equal(Count, shown);
        Assert.Equal(Count, (int)(await host.GetAsync("/services?status=1"))[0]!["ServiceStatus"]!["DesiredTasks"]!);
    }

    [Fact]
    public async Task The_node_that_hosts_the_manager_is_shown_as_one()
    {
        await using var host = await SwarmHost.StartAsync();
        var nodes = (await host.GetAsync("/nodes")).AsArray();
        Assert.Equal(["manager", "worker", "worker"], nodes.Select(n => (string?)n!["Spec"]!["Role"]));
        Assert.Equal("""{"Leader":true,"Reachability":"reachable","Addr":"10.0.0.1:2377"}""", nodes[0]!["ManagerStatus"]!.ToJsonString());
        Assert.Null(nodes[1]!["ManagerStatus"]);
        Assert.Equal("alpha", await NamesAsync(host, """{"role":["manager"]}"""));
        Assert.Equal("beta gamma", await NamesAsync(host, """{"role":["worker"]}"""));
        Assert.Equal("beta", await NamesAsync(host, """{"node.label":["zone=b"]}"""));
        Assert.Equal("gamma", await NamesAsync(host, """{"name":["gam"]}"""));
        Assert.Equal("Invalid role filter: 'x'", await host.RefusedAsync(HttpStatusCode.BadRequest, "GET", """/nodes?filters={"role":["x"]}"""));
    }

    [Fact]
    public async Task A_spec_sent_back_with_another_availability_leaves_the_role_alone()
    {
        await using var host = await SwarmHost.StartAsync();
        foreach (var name in (string[])["alpha", "beta"])
        {
            var node = await host.GetAsync("/nodes/" + name);
            node["Spec"]!["Availability"] = "drain";
            await host.PostAsync($"/nodes/{name}/update?version={node["Version"]!["Index"]}", node["Spec"]!.ToJsonString());
            var after = await host.GetAsync("/nodes/" + name);
            Assert.Equal("drain", (string?)after["Spec"]!["Availability"]);
            Assert.Equal((string?)node["Spec"]!["Role"], (string?)after["Spec"]!["Role"]);
            Assert.Equal(node["Spec"]!["Labels"]!.ToJsonString(), after["Spec"]!["Labels"]!.ToJsonString());
            Assert.Equal(Wire.NodeRole.Worker, host.Store.Read(s => s.Nodes[(string)node["ID"]!]).Spec.DesiredRole);
        }
    }

    [Theory]
    [InlineData("alpha", "worker", HttpStatusCode.BadRequest)]
    [InlineData("beta", "manager", HttpStatusCode.BadRequest)]
    [InlineData("beta", "king", HttpStatusCode.BadRequest)]
    public async Task A_role_that_cannot_be_changed_is_refused(string name, string role, HttpStatusCode expected)
    {
        await using var host = await SwarmHost.StartAsync();
        var node = await host.GetAsync("/nodes/" + name);
        node["Spec"]!["Role"] = role;
        Assert.NotEmpty(await host.RefusedAsync(expected, "POST", $"/nodes/{name}/update?version={node["Version"]!["Index"]}", node["Spec"]!.ToJsonString()));
    }

    private static async Task<string> NamesAsync(SwarmHost host, string filters) =>
        string.Join(' ', (await host.GetAsync("/nodes?filters=" + filters)).AsArray().Select(n => (string?)n!["Description"]!["Hostname"]).Order());

    private static async Task<JsonArray> TasksAsync(SwarmHost host, string filters) => (await host.GetAsync("/tasks?filters=" + filters)).AsArray();

    /// <summary>The rules work in turns after the one that answered: looks again until it is so.</summary>
    private static async Task<JsonArray> TasksAsync(SwarmHost host, string filters, Func<JsonArray, bool> until)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var tasks = await TasksAsync(host, filters);
            if (until(tasks))
                return tasks;
            Assert.False(patience.IsCancellationRequested, tasks.ToJsonString());
            await Task.Delay(20);
        }
    }
}
