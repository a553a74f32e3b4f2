using System.Text.Json.Nodes;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Hundreds of simulated engines on a real skepd, over the real wire.</summary>
[Trait("Category", "slow")]
public sealed class AgentsTests : IAsyncLifetime
{
    private const int Agents = 200;
    private static readonly TimeSpan JoinLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RunLimit = TimeSpan.FromSeconds(40);
    private readonly LoneSkepd _skepd = new();

    public async ValueTask InitializeAsync()
    {
        Assert.Null(await _skepd.StartAsync());
        await _skepd.InitAsync();
    }

    public ValueTask DisposeAsync() => _skepd.DisposeAsync();

    [Fact]
    public async Task Kill_9_in_the_middle_of_a_scale_up_loses_no_task_and_restarts_none()
    {
        using var agents = new SimulatedAgents($"127.0.0.1:{_skepd.ClusterPort}", await WorkerTokenAsync(), Agents, startLatency: "1-3");
        await agents.WaitForReportAsync("all agents to join", JoinLimit, r => r["joined"]!.GetValue<int>() == Agents);
        using (var created = await _skepd.CreateServiceAsync("web"))
            Assert.True(created.IsSuccessStatusCode);
        await ScaleAsync("web", 2000);
        await Task.Delay(TimeSpan.FromSeconds(1.5)); // a quarter of the containers runs by now
        await _skepd.KillAsync();
        Assert.Null(await _skepd.StartAsync());

        var report = await agents.WaitForReportAsync("all tasks to run", RunLimit,
            r => r["connected"]!.GetValue<int>() == Agents && SimulatedAgents.Tasks(r, "running") == 2000);

        // Only that makes it a kill in the middle.
        Assert.Contains(report["timeline"]!.AsArray(), s => s!["connected"]!.GetValue<int>() < Agents && SimulatedAgents.States(s!, "running") is > 0 and < 2000);
        Assert.Equal(Agents, report["reconnects"]!.GetValue<int>());
        Assert.Equal(2000, report["tasks_started"]!.GetValue<int>());
        Assert.Equal(0, report["tasks_restarted"]!.GetValue<int>());
        Assert.Equal(0, report["tasks_removed"]!.GetValue<int>());
        Assert.Equal(2000, await RunningAsync("web", atLeast: 2000));
    }

    private async Task<string> WorkerTokenAsync() => (await GetAsync("/v1.41/swarm"))["JoinTokens"]!["Worker"]!.GetValue<string>();

    private async Task ScaleAsync(string name, int replicas)
    {
        var service = await GetAsync($"/v1.41/services/{name}");
        service["Spec"]!["Mode"] = new JsonObject { ["Replicated"] = new JsonObject { ["Replicas"] = replicas } };
        using var answer = await _skepd.PostAsync($"/v1.41/services/{name}/update?version={service["Version"]!["Index"]}", service["Spec"]!.AsObject());
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Tasks that run by the manager's own count, which may lag behind the agents' for a moment.</summary>
    private async Task<int> RunningAsync(string name, int atLeast)
    {
        for (var attempt = 0; ; attempt++)
        {
            var services = await GetAsync("/v1.41/services?status=true");
            var running = services.AsArray().Single(s => s!["Spec"]!["Name"]!.GetValue<string>() == name)!["ServiceStatus"]!["RunningTasks"]!.GetValue<int>();
            if (running >= atLeast || attempt == 100)
                return running;
            await Task.Delay(100);
        }
    }

    private async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await _skepd.Client.GetStringAsync(path))!;
}
