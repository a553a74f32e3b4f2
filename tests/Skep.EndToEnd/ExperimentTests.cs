using System.Text.Json.Nodes;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>skep lab's whole experiments, small: what scripts read of them is true, and nothing is left behind.</summary>
[Trait("Category", "slow")]
public sealed class ExperimentTests
{
    private const int Nodes = 50;
    private const int Tasks = 500;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(100);

    [Fact]
    public async Task One_manager_brings_all_tasks_to_run()
    {
        var figures = await RunAsync("swarm2k");
        Assert.Equal(1, figures["managers"]!.GetValue<int>());
        Assert.Null(figures["failover_s"]);
    }

    [Fact]
    public async Task Three_managers_of_which_the_leader_is_killed_lose_nothing()
    {
        // Slow starts, so that the kill finds tasks that do not run yet.
        var figures = await RunAsync("swarm3k", "--start-latency", "1-4");
        Assert.Equal(3, figures["managers"]!.GetValue<int>());
        Assert.InRange(figures["failover_s"]!.GetValue<double>(), 0.01, 30);
        Assert.InRange(figures["killed_at_running"]!.GetValue<int>(), 1, Tasks - 1);
        Assert.True(figures["writes_acknowledged"]!.GetValue<int>() > 0);
        Assert.Equal(0, figures["writes_lost"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_time_limit_ends_it_with_what_was_reached()
    {
        SkipUnlessPossible();
        var result = await Command.Run(SkepTool.Program, ["lab", "swarm2k", "--nodes", "20", "--tasks", "100", "--start-latency", "600", "--time-limit", "15", "--json"], Limit);
        Assert.Equal(1, result.ExitCode);
        Assert.False(JsonNode.Parse(result.Out)!["reached"]!.GetValue<bool>());
        Assert.Equal(20, JsonNode.Parse(result.Out)!["nodes_joined"]!.GetValue<int>());
        Assert.Contains("skep: the time limit of 15 s ended it while tasks start", result.Err, StringComparison.Ordinal);
    }

    private static async Task<JsonNode> RunAsync(string experiment, params string[] options)
    {
        SkipUnlessPossible();
        var page = Path.GetTempFileName();
        try
        {
            var result = (await Command.Run(SkepTool.Program, ["lab", experiment, "--nodes", $"{Nodes}", "--tasks", $"{Tasks}", "--time-limit", "90", "--json", "--html", page, .. options], Limit)).OrFail();
            var figures = JsonNode.Parse(result.Out)!;
            Assert.True(figures["reached"]!.GetValue<bool>());
            Assert.Equal((Nodes, Tasks, "skep"), (figures["nodes"]!.GetValue<int>(), figures["tasks"]!.GetValue<int>(), figures["peer"]!.GetValue<string>()));
            Assert.Equal((0, 0), (figures["tasks_lost"]!.GetValue<int>(), figures["tasks_restarted"]!.GetValue<int>()));
            foreach (var measured in new[] { "joined_s", "running_s", "manager_cpu_s", "agents_cpu_s", "manager_rss_mb", "log_mb", "service_ls_ms_p99", "node_ls_ms_p99", "probe_running_s" })
                Assert.True(figures[measured]!.GetValue<double>() > 0, $"{measured} is {figures[measured]}");
            Assert.Contains("all RUNNING", result.Err, StringComparison.Ordinal);
            Assert.Contains("<svg", await File.ReadAllTextAsync(page), StringComparison.Ordinal);
            var folder = result.Err.Split('\n')[0].Split("files in ")[1].Trim();
            Assert.False(Directory.Exists(folder), $"{folder} is still there");
            Assert.False(File.Exists("/run/netns/" + Path.GetFileName(folder)), "its network is still there");
            return figures;
        }
        finally
        {
            File.Delete(page);
        }
    }

    private static void SkipUnlessPossible()
    {
        var why = LoneManagers.WhyUnavailable();
        Assert.SkipWhen(why is not null, why ?? "");
    }
}
