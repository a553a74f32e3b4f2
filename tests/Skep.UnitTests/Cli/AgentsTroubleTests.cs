using Microsoft.Extensions.Time.Testing;
using Skep.Agent;
using Skep.Agent.Simulated;
using Skep.Cli;
using Skep.Cli.Lab;
using Skep.UnitTests.Security;
using Xunit;

namespace Skep.UnitTests.Cli;

/// <summary>The options by which the nodes of skep lab agents are in trouble.</summary>
public sealed class AgentsTroubleTests
{
    private const int Nodes = 10;
    private static readonly TroubleOptions EachSecond = new() { DeathsPerMinute = 60, ReturnAfter = (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5)), ReturnEmpty = 0.5 };
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Options_are_read()
    {
        var trouble = Read("--deaths", "6", "--return-after", "20-60", "--return-empty", "0.5", "--slow", "0.1:5", "--stuck", "0.01").Trouble;
        Assert.Equal(
            new TroubleOptions { DeathsPerMinute = 6, ReturnAfter = (TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60)), ReturnEmpty = 0.5, SlowShare = 0.1, SlowFactor = 5, StuckShare = 0.01 },
            trouble);
        Assert.Equal(new TroubleOptions(), Read().Trouble);
    }

    [Theory]
    [InlineData("--deaths", "-1")]
    [InlineData("--deaths", "6", "--return-after", "5-1")]
    [InlineData("--deaths", "6", "--return-after", "soon")]
    [InlineData("--return-after", "5")]
    [InlineData("--deaths", "6", "--return-empty", "1")]
    [InlineData("--deaths", "6", "--return-after", "5", "--return-empty", "1.1")]
    [InlineData("--slow", "0.1")]
    [InlineData("--slow", "2:5")]
    [InlineData("--slow", "0.1:0.5")]
    [InlineData("--slow", "0.1:5:1")]
    [InlineData("--stuck", "2")]
    [InlineData("--stuck", "NaN")]
    [InlineData("--fail-rate", "-0.1")]
    public void What_makes_no_sense_is_refused_in_one_line_that_names_the_option(params string[] arguments)
    {
        var e = Assert.Throws<CliException>(() => Read(arguments));
        Assert.Contains(arguments[^2], e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Losses_of_power_come_from_the_seed_at_the_rate_that_was_asked_for()
    {
        var first = Losses(seed: 1, EachSecond);
        Assert.Equal(first, Losses(seed: 1, EachSecond));
        Assert.NotEqual(first, Losses(seed: 2, EachSecond));
        Assert.InRange(first[^1].At.TotalMinutes, 15, 18.5); // 1000 at 60 a minute
        Assert.All(first, l => Assert.InRange(l.Away.TotalSeconds, 2, 5));
        Assert.InRange(first.Count(l => l.IsEmpty), 400, 600);
        Assert.Equal(Nodes, first.Select(l => l.Node).Distinct().Count());
        var forGood = Losses(seed: 1, EachSecond with { ReturnAfter = null });
        Assert.Equal(first.Select(l => (l.At, l.Node)), forGood.Select(l => (l.At, l.Node)));
        Assert.All(forGood, l => Assert.Equal((true, Timeout.InfiniteTimeSpan), (l.IsEmpty, l.Away)));
        Assert.Empty(PowerLoss.All(new TroubleOptions(), Nodes, new Random(1)));
    }

    [Fact]
    public async Task Nodes_die_and_return()
    {
        var figures = await LiveAsync(EachSecond, f => f.Returns > 3);
        Assert.InRange(figures.Returns, 4, figures.Deaths);
    }

    [Fact]
    public async Task Without_return_all_nodes_are_dead_in_the_end_and_none_dies_twice()
    {
        var figures = await LiveAsync(new TroubleOptions { DeathsPerMinute = 600 }, f => f.Deaths == Nodes);
        Assert.Equal((Nodes, 0), (figures.Deaths, figures.Returns));
    }

    [Fact]
    public void A_task_that_was_lost_is_no_removal_and_ends_a_wave()
    {
        var figures = new FleetFigures(_time);
        figures.TaskMoved(null, Wire.TaskState.Preparing);
        figures.TaskLost(Wire.TaskState.Preparing);
        Assert.Empty(figures.Tasks());
        Assert.Equal((1, 0), (figures.Lost, figures.Removed));
        Assert.NotNull(figures.LastWave());
    }

    private static AgentsOptions Read(params string[] arguments) =>
        AgentsCommand.Read(AgentsCommand.Create().Parse(["--manager", "m1", "--token", "T", "--count", "5", .. arguments]));

    private static List<PowerLoss> Losses(int seed, TroubleOptions options) => [.. PowerLoss.All(options, Nodes, new Random(seed)).Take(1000)];

    /// <summary>Ten nodes that know no manager, until it is as wanted (10 s at most), while the clock goes on.</summary>
    private static async Task<FleetFigures> LiveAsync(TroubleOptions options, Func<FleetFigures, bool> isAsWanted)
    {
        await using var cluster = await TestCluster.StartAsync();
        var credentials = await cluster.JoinAsync();
        var figures = new FleetFigures(cluster.Time);
        using var clock = new HeartbeatClock(cluster.Time);
        using var executor = new SimulatedExecutor(new SimulationOptions(), new Random(1), cluster.Time);
        using var power = new FleetPower(options, Nodes, new Random(1), figures, cluster.Time);
        using var end = new CancellationTokenSource();
        for (var i = 0; i < Nodes; i++)
        {
            var settings = new AgentSettings { Description = Descriptions.Of($"n{i}") };
            var node = new FleetNode(new NodeAgent(credentials, [], settings, clock, executor, figures, new Random(i), cluster.Time));
            node.PowerOn();
            power.Add(i, node);
        }
        var running = power.RunAsync(end.Token);
        for (var i = 0; i < 1000 && !isAsWanted(figures); i++)
        {
            cluster.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10, CancellationToken.None);
        }
        await end.CancelAsync();
        await running;
        Assert.True(isAsWanted(figures));
        return figures;
    }
}
