using Skep.Cli;
using Skep.Cli.Plan;
using Spectre.Console;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>What is recommended, and that the answer says what it stands on.</summary>
public sealed class CapacityPlanTests
{
    [Theory]
    [InlineData(nameof(FailureKind.Manager), "3(1)")]
    [InlineData(nameof(FailureKind.TwoManagers), "5(1)")]
    [InlineData(nameof(FailureKind.Site), "3(3)")]
    [InlineData(nameof(FailureKind.SiteAndManager), "7(4)")]
    public void The_fewest_managers_that_survive_what_they_must_are_taken(string mustSurvive, string topology) =>
        Assert.Equal(topology, TopologyChoice.Fewest(Maps.Example, Enum.Parse<FailureKind>(mustSurvive), managers: null, DiskSync.Exactly(TimeSpan.FromMilliseconds(1)))?.Name);

    [Fact]
    public void Of_several_placements_the_fastest_is_taken()
    {
        // Overseas is 72 ms and more away from everybody.
        var disk = DiskSync.Exactly(TimeSpan.FromMilliseconds(0.1));
        var chosen = TopologyChoice.Fewest(Maps.Example, FailureKind.Site, managers: null, disk)!;
        Assert.Equal("fra 1, ams 1, lon 1", chosen.Describe(Maps.Example));
        var outlook = new TopologyOutlook(Maps.Example, chosen, disk, seed: 1);
        Assert.InRange(outlook.Best.Latency!.Value.P50.TotalMilliseconds, 8, 9);
        Assert.InRange(outlook.WithWorstSiteDown!.Value.P50.TotalMilliseconds, 14, 15);
    }

    [Fact]
    public void What_no_placement_survives_is_said()
    {
        var refusal = Assert.Throws<CliException>(() => Plan(SitesSpec.Parse("a-b=1"), FailureKind.Site));
        Assert.Equal("no placement of up to 9 managers on 2 sites survives any one site", refusal.Message);
    }

    [Fact]
    public void A_given_number_need_survive_only_what_is_asked_for()
    {
        Assert.Equal("2(1)", Plan(SitesSpec.Parse("a"), FailureKind.Manager, managers: 2).Chosen.Topology.Name);
        Assert.Throws<CliException>(() => Plan(SitesSpec.Parse("a"), FailureKind.Manager, managers: 2, isSurvivalAsked: true));
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
        var plan = Plan(Maps.Triangle, FailureKind.Manager);
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

    private static CapacityPlan Plan(SiteMap sites, FailureKind mustSurvive, double startsPerSecond = 1, int? managers = null, bool isSurvivalAsked = false)
    {
        var measured = MeasuredCosts.Load();
        return new CapacityPlan(
            new PlanQuestion(new Demand(1_000, 40_000, startsPerSecond), sites, AreLinksGiven: false, managers, Placement: null, mustSurvive, isSurvivalAsked, measured.Costs.Disk, Seed: 1), measured);
    }
}
