using Microsoft.Extensions.Time.Testing;
using Skep.Cli;
using Skep.Cli.Lab;
using Xunit;

namespace Skep.UnitTests.Cli;

public sealed class AgentsFiguresTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_wave_ends_when_the_last_of_its_tasks_runs()
    {
        var figures = new FleetFigures(_time);
        figures.TaskMoved(null, Wire.TaskState.Assigned);
        _time.Advance(TimeSpan.FromSeconds(1));
        figures.TaskMoved(Wire.TaskState.Assigned, Wire.TaskState.Running);
        // The rest of the wave comes in another message, a second later.
        _time.Advance(TimeSpan.FromSeconds(1));
        figures.TaskMoved(null, Wire.TaskState.Assigned);
        Assert.Null(figures.LastWave());
        _time.Advance(TimeSpan.FromSeconds(1));
        figures.TaskMoved(Wire.TaskState.Assigned, Wire.TaskState.Running);
        Assert.Equal((2, TimeSpan.FromSeconds(3)), (figures.LastWave()!.Tasks, figures.LastWave()!.Took));
        _time.Advance(TimeSpan.FromMinutes(1));
        figures.TaskMoved(null, Wire.TaskState.Assigned);
        figures.TaskRemoved(Wire.TaskState.Assigned, wasWanted: true);
        Assert.Equal(1, figures.LastWave()!.Tasks);
        Assert.Equal(1, figures.RemovedWanted);
    }

    [Fact]
    public void Texts_of_errors_are_bounded_in_number_and_length()
    {
        var figures = new FleetFigures(_time);
        for (var i = 0; i < 500; i++)
            figures.SessionEnded("", wasOpen: false, new string('x', 1000 + i) + i);
        for (var i = 0; i < 500; i++)
            figures.SessionEnded("", wasOpen: false, $"error {i}");
        Assert.InRange(figures.Errors().Count, 2, 51);
        Assert.All(figures.Errors(), e => Assert.True(e.Key.Length <= 160));
        Assert.Equal(1000, figures.Errors().Sum(e => e.Value));
    }

    [Fact]
    public void Quantiles_are_right_within_their_buckets()
    {
        var histogram = new LatencyHistogram();
        Assert.Equal(TimeSpan.Zero, histogram.Quantile(0.5));
        for (var i = 1; i <= 1000; i++)
            histogram.Add(TimeSpan.FromMilliseconds(i));
        Assert.InRange(histogram.Quantile(0.5).TotalMilliseconds, 500, 525);
        Assert.InRange(histogram.Quantile(0.99).TotalMilliseconds, 990, 1000);
        Assert.Equal(1000, histogram.Quantile(1).TotalMilliseconds);
        Assert.Equal(TimeSpan.FromSeconds(1), histogram.Max);
    }

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("0.2-0.5", 0.2, 0.5)]
    [InlineData("1", 1, 1)]
    public void Latencies_are_a_number_or_two(string text, double min, double max) =>
        Assert.Equal((TimeSpan.FromSeconds(min), TimeSpan.FromSeconds(max)), AgentsCommand.ParseSeconds("--start-latency", text));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("2-1")]
    [InlineData("-1")]
    [InlineData("1-2-3")]
    public void Other_latencies_are_refused(string text) => Assert.Throws<CliException>(() => AgentsCommand.ParseSeconds("--start-latency", text));

    [Fact]
    public void Managers_get_the_usual_port()
    {
        Assert.Equal(["10.0.0.1:2377", "m2:99", "[::1]:2377"], AgentsCommand.ParseManagers("10.0.0.1, m2:99,[::1]"));
        Assert.Throws<CliException>(() => AgentsCommand.ParseManagers(","));
        Assert.Throws<CliException>(() => AgentsCommand.ParseManagers("a b"));
    }
}
