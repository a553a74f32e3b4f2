using CsCheck;
using Skep.Cli.Plan;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>What a topology survives, against cases counted by hand.</summary>
public sealed class SurvivalTests
{
    private static readonly FailureKind[] Kinds = Enum.GetValues<FailureKind>();

    // Managers at up to five sites, at least one in all.
    private static readonly Gen<int[]> Placements = Gen.Int[0, 3].Array[1, 5].Where(counts => counts.Sum() > 0);

    /// <summary>Pairs of survived and all cases: one manager, two managers, one site, site and manager, two sites.</summary>
    [Theory]
    [InlineData("1", "0/1 0/0 0/1 0/0 0/0")]
    [InlineData("3", "3/3 0/3 0/1 0/0 0/0")]
    [InlineData("5", "5/5 10/10 0/1 0/0 0/0")]
    [InlineData("2,1", "3/3 0/3 1/2 0/3 0/1")]
    [InlineData("1,1,1", "3/3 0/3 3/3 0/3 0/3")]
    // The sites of two and any manager leave two of five; the site of one and any of four managers leaves three.
    [InlineData("2,2,1", "5/5 10/10 3/3 4/10 0/3")]
    // A site of one goes with any manager elsewhere (nine pairs), the site of two with none of the three others.
    [InlineData("2,1,1,1", "5/5 10/10 4/4 9/12 3/6")]
    // Majority is four of six: a site of two leaves just four, so that no manager more may fail.
    [InlineData("2,2,1,1", "6/6 15/15 4/4 9/17 1/6")]
    [InlineData("1,1,1,1", "4/4 0/6 4/4 0/6 0/6")]
    [InlineData("1,1,1,1,1", "5/5 10/10 5/5 10/10 10/10")]
    [InlineData("3,3,3", "9/9 36/36 3/3 18/18 0/3")]
    public void Every_failure_is_counted(string placement, string expected)
    {
        var topology = new Topology([.. placement.Split(',').Select(int.Parse)]);
        var counted = Kinds.Select(kind => Survival.Of(topology, kind)).Select(s => $"{s.Survived}/{s.Cases}");
        Assert.Equal(expected, string.Join(' ', counted));
    }

    [Fact]
    public void An_even_number_survives_no_kind_of_failure_that_one_manager_fewer_does_not() => Placements
        .Where(counts => counts.Sum() % 2 == 0)
        .Sample(counts =>
        {
            var fewer = (int[])counts.Clone();
            fewer[Array.IndexOf(fewer, fewer.Max())]--;
            return Kinds.All(kind => !Survival.Of(new Topology(counts), kind).Always || Survival.Of(new Topology(fewer), kind).Always);
        });

    [Fact]
    public void Who_survives_more_at_once_survives_less_at_once() => Placements.Sample(counts =>
    {
        var topology = new Topology(counts);
        bool Always(FailureKind kind) => Survival.Of(topology, kind).Always;
        return (!Always(FailureKind.TwoManagers) || Always(FailureKind.Manager))
            && (!Always(FailureKind.TwoSites) || Always(FailureKind.Site))
            && (!Always(FailureKind.SiteAndManager) || Always(FailureKind.Site));
    });

    [Fact]
    public void Unavailability_is_that_of_the_binomial()
    {
        // Three managers: two down (three ways), or all.
        Assert.Equal((3 * 0.1 * 0.1 * 0.9) + (0.1 * 0.1 * 0.1), Survival.Unavailability(new Topology([3]), 0.1), 12);
        Assert.True(Survival.Unavailability(new Topology([4]), 0.01) > Survival.Unavailability(new Topology([3]), 0.01));
        Assert.True(Survival.Unavailability(new Topology([5]), 0.01) < Survival.Unavailability(new Topology([3]), 0.01));
    }

    [Fact]
    public void All_placements_are_found_once()
    {
        // Five managers on exactly three of four sites: four choices of sites, six ways to write five as three numbers.
        var all = Topology.All(5, 3, 4).Select(t => string.Join(',', t.ManagersPerSite)).ToList();
        Assert.Equal(24, all.Count);
        Assert.Equal(24, all.Distinct().Count());
        Assert.All(Topology.All(5, 3, 4), t => Assert.Equal((5, 3), (t.Managers, t.UsedSites.Count)));
    }
}
