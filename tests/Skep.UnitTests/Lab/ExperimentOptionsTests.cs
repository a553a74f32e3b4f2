using Skep.Cli;
using Skep.Cli.Lab.Experiments;
using Xunit;

namespace Skep.UnitTests.Lab;

public sealed class ExperimentOptionsTests
{
    [Theory]
    [InlineData("swarm2k", 2300, 100_000, 1, false)]
    [InlineData("swarm3k", 4700, 70_000, 3, true)]
    [InlineData("c1m", 5000, 1_000_000, 1, false)]
    public void Each_experiment_has_its_size(string name, int nodes, int tasks, int managers, bool killsLeader)
    {
        var plan = ExperimentCommand.Read(name);
        Assert.Equal((nodes, tasks, managers, killsLeader), (plan.Nodes, plan.Tasks, plan.Managers, plan.KillsLeader));
        Assert.Equal((Peer.Skep, TimeSpan.FromMinutes(10)), (plan.Peer, plan.TimeLimit));
        Assert.True(plan.FilesNeeded > nodes);
    }

    [Fact]
    public void Every_size_can_be_changed()
    {
        var plan = ExperimentCommand.Read("swarm3k", "--nodes", "10", "--tasks", "20", "--managers", "5", "--no-kill", "--peer", "dockerd", "--time-limit", "30", "--seed", "7", "--start-latency", "1-2", "--idle", "4.5");
        Assert.Equal((10, 20, 5, false), (plan.Nodes, plan.Tasks, plan.Managers, plan.KillsLeader));
        Assert.Equal((Peer.Dockerd, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(4.5), 7, "1-2"), (plan.Peer, plan.TimeLimit, plan.Idle, plan.Seed, plan.StartLatency));
    }

    [Theory]
    [InlineData("--managers", "0")]
    [InlineData("--managers", "8")]
    [InlineData("--nodes", "0")]
    [InlineData("--tasks", "-1")]
    [InlineData("--time-limit", "0")]
    [InlineData("--peer", "podman")]
    [InlineData("--start-latency", "2-1")]
    public void What_makes_no_sense_is_refused_by_name(string option, string value) =>
        Assert.Contains(option, Assert.Throws<CliException>(() => ExperimentCommand.Read("c1m", option, value)).Message, StringComparison.Ordinal);
}
