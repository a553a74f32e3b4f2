using System.Text.Json.Nodes;
using Skep.Cli.Lab.Experiments;
using Xunit;

namespace Skep.UnitTests.Lab;

public sealed class FiguresTests
{
    internal static Figures Example { get; } = new()
    {
        Experiment = "swarm2k",
        Peer = "skep",
        Nodes = 2300,
        Tasks = 100_000,
        Managers = 1,
        Seed = 1,
        Reached = true,
        RunningS = 7.5,
        TasksRunning = 100_000,
        LogMeasured = "bytes",
        StartLatencyS = "0.2-0.5",
        Processors = 2,
        LoadAverage = 0.5,
    };

    [Theory]
    [InlineData("nodes")]
    [InlineData("tasks")]
    [InlineData("managers")]
    [InlineData("peer")]
    [InlineData("joined_s")]
    [InlineData("running_s")]
    [InlineData("tasks_lost")]
    [InlineData("tasks_restarted")]
    [InlineData("failover_s")]
    [InlineData("manager_cpu_s")]
    [InlineData("agents_cpu_s")]
    [InlineData("manager_rss_mb")]
    [InlineData("log_mb")]
    [InlineData("service_ls_ms_p99")]
    [InlineData("node_ls_ms_p99")]
    [InlineData("late_heartbeats")]
    [InlineData("reached")]
    [InlineData("probe_running_s")]
    [InlineData("snapshot_mb")]
    public void Json_has_the_names_that_scripts_rely_on(string name) => Assert.True(JsonNode.Parse(Example.ToJson())!.AsObject().ContainsKey(name));

    [Fact]
    public void What_was_not_measured_is_null_in_json_and_no_row()
    {
        Assert.Null(JsonNode.Parse(Example.ToJson())!["failover_s"]);
        Assert.DoesNotContain(Example.Rows(), row => row.Name == "failover_s");
        Assert.Contains(("running_s", "7.5"), Example.Rows());
    }

    [Fact]
    public void Only_what_reached_its_goal_and_lost_nothing_is_good()
    {
        Assert.True(Example.IsGood);
        Assert.False((Example with { Reached = false }).IsGood);
        Assert.False((Example with { TasksLost = 1 }).IsGood);
        Assert.False((Example with { WritesLost = 1 }).IsGood);
    }

    [Fact]
    public void Quantiles_are_of_the_nearest_rank()
    {
        var hundred = Latencies.Of(Enumerable.Range(1, 100).Reverse().Select(i => new Point(0, i)));
        Assert.Equal((50, 99, 100), (hundred.P50, hundred.P99, hundred.Max));
        var one = Latencies.Of([new Point(0, 7)]);
        Assert.Equal((7, 7, 7), (one.P50, one.P99, one.Max));
        Assert.Equal(new Latencies(null, null, null), Latencies.Of([]));
    }
}
