using Skep.Cli;
using Skep.Cli.Plan;
using Spectre.Console;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>What is recommended, and that the answer says what it stands on.</summary>
public sealed class CapacityPlanTests
{
    [Theory]
    [InlineData(FailureKind.Manager, "3(1)")]
    [InlineData(FailureKind.TwoManagers, "5(1)")]
    [InlineData(FailureKind.Site, "3(3)")]
    [InlineData(FailureKind.SiteAndManager, "7(4)")]
    public void The_fewest_managers_that_survive_what_they_must_are_taken(FailureKind mustSurvive, string topology) =>
        Assert.Equal(topology, Plan(Maps.Example, mustSurvive).Chosen.Topology.Name);

    [Fact]
    public void Of_several_placements_the_fastest_is_taken()
    {
        // Overseas is 72 ms and more away from everybody.
        var plan = Plan(Maps.Example, FailureKind.Site);
        Assert.Equal("fra 1, ams 1, lon 1", plan.Chosen.Topology.Describe(Maps.Example));
        Assert.InRange(plan.Chosen.Best.Latency!.Value.P50.TotalMilliseconds, 8, 9);
        Assert.InRange(plan.Chosen.WithWorstSiteDown!.Value.P50.TotalMilliseconds, 14, 15);
    }

    [Fact]
    public void What_no_placement_survives_is_said()
    {
        var refusal = Assert.Throws<CliException>(() => Plan(SitesSpec.Parse("a-b=1"), FailureKind.Site));
        Assert.Equal("no placement of up to 9 managers on 2 sites survives any one site", refusal.Message);
    }

    [Fact]
    public void More_than_one_thread_can_decide_is_called_too_much()
    {
        var most = Maps.Model.MostStartsPerSecond;
        Assert.False(Plan(SitesSpec.Parse("a"), FailureKind.Manager, most * 0.99).IsChurnTooHigh);
        Assert.True(Plan(SitesSpec.Parse("a"), FailureKind.Manager, most * 1.01).IsChurnTooHigh);
    }

    [Fact]
    public void The_answer_names_the_measurement_it_stands_on()
    {
        var plan = Plan(Maps.Example, FailureKind.Manager);
        using var text = new StringWriter();
        new CapacityReport(plan).Print(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(text), Ansi = AnsiSupport.No }));
        Assert.Contains($"measured {plan.Measured.Measurement.Date}", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("5(3)", text.ToString(), StringComparison.Ordinal);

        var json = CapacityJson.Of(plan);
        Assert.Equal(plan.Measured.Measurement.Date, (string?)json["measurement"]!["date"]);
        Assert.Equal(3, (int)json["recommended"]!["managers"]!);
        Assert.Equal(plan.Measured.Costs.JoinMs.Value, (double)json["costs"]!["joinMs"]!["value"]!);
        Assert.True((bool)json["exampleLinks"]!);
    }

    private static CapacityPlan Plan(SiteMap sites, FailureKind mustSurvive, double startsPerSecond = 1)
    {
        var measured = MeasuredCosts.Load();
        return new CapacityPlan(
            new PlanQuestion(new Demand(1_000, 40_000, startsPerSecond), sites, AreLinksGiven: false, Managers: null, Placement: null, mustSurvive, measured.Costs.Disk, Seed: 1), measured);
    }
}
