using System.Text.Json.Nodes;
using Skep.Cli.Plan;
using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>Verdicts come out of the figures: other figures, other verdicts.</summary>
public sealed class SeedRulesTests
{
    [Theory]
    [InlineData(0.001)]
    [InlineData(1000)]
    public void Machines_of_8_vCPU_are_refuted_where_far_less_or_more_is_needed(double factor) => Assert.Equal(Verdict.Refuted, Sizes(factor).SmallMachines.Verdict);

    [Fact]
    public void Machines_of_8_vCPU_hold_where_about_that_is_needed()
    {
        // As much dearer as it takes that a manager of 1,000 nodes needs six cores.
        var needed = new Sizing(Maps.Model, Maps.Uncertainty, SizeRules.SeedLoad(1_000), 3).CoresNeeded;
        Assert.Equal(Verdict.Holds, Sizes(6 / needed).SmallMachines.Verdict);
    }

    [Fact]
    public void Eight_vCPU_are_needed_from_just_that_number_of_nodes_on()
    {
        var from = Sizes(1).NodesNeedingMoreThan(4);
        Assert.Equal(4, Cores(from - 1));
        Assert.Equal(8, Cores(from));
        static int Cores(int nodes) => new Sizing(Maps.Model, Maps.Uncertainty, SizeRules.SeedLoad(nodes), 3).Machine.Cores;
    }

    [Fact]
    public void Odd_numbers_hold_by_counting() => Assert.Equal(Verdict.Holds, Topologies(Maps.Example).OddNumbers.Verdict);

    [Fact]
    public void Fast_links_matter_only_where_there_are_slow_ones()
    {
        Assert.Equal(Verdict.HoldsInPart, Topologies(Maps.Example).QuorumOnFastLinks.Verdict);
        Assert.Equal(Verdict.Refuted, Topologies(SitesSpec.Parse("a-b=1,a-c=1,b-c=1,a=1,b=1,c=1")).QuorumOnFastLinks.Verdict);
        Assert.Equal(Verdict.NotTried, Topologies(SitesSpec.Parse("a-b=1")).QuorumOnFastLinks.Verdict);
    }

    [Fact]
    public void They_reckon_with_the_batches_of_the_managers_loop() =>
        Assert.Equal((LeaderTerm.MaxInFlight, SwarmLoop.DefaultBudget), (TopologyRules.BatchesUnderWay, TopologyRules.ChangesPerBatch));

    [Fact]
    public void Draining_managers_that_need_nothing_never_pays() =>
        Assert.Equal(Verdict.Refuted, Sizes(0).Drained.Verdict);

    [Fact]
    public void Every_rule_of_the_seed_is_tried() =>
        Assert.Equal(5, RulesCommand.Rules(MeasuredCosts.Load(), Maps.Example, MeasuredCosts.Load().Costs.Disk, seed: 1).Select(rule => rule.Rule).Distinct().Count());

    private static TopologyRules Topologies(SiteMap sites) => new(Maps.Model, sites, MeasuredCosts.Load().Costs.Disk, seed: 1);

    // All CPU costs are so many times what was measured; so is what they are checked against.
    private static SizeRules Sizes(double factor)
    {
        var measured = MeasuredCostsTests.With(json =>
        {
            foreach (var (name, cost) in (JsonObject)json["costs"]!)
            {
                if (name.EndsWith("Cores", StringComparison.Ordinal) || name is "joinMs" or "reconnectMs" or "startLeaderMs" or "startReplicaMs" or "startSessionMs")
                    cost!["value"] = (double)cost["value"]! * factor;
            }
        });
        var model = new CapacityModel(measured);
        return new SizeRules(model, Maps.Uncertainty);
    }
}
