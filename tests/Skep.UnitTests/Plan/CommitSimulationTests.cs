using CsCheck;
using Skep.Cli.Plan;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>The simulated commit latency against what theory says.</summary>
public sealed class CommitSimulationTests
{
    private static readonly TimeSpan Sync = TimeSpan.FromMilliseconds(1);

    // Without chance in links and disk, and so seldom that no proposal meets another: what is left is the protocol.
    private static CommitConditions Still(SiteMap sites, Topology topology, int leaderSite, int? siteDown = null) => new()
    {
        Sites = sites,
        Topology = topology,
        LeaderSite = leaderSite,
        SiteDown = siteDown,
        Disk = DiskSync.Exactly(Sync),
        LinkJitter = 0,
        Proposals = 50,
        ProposalsPerSecond = 2,
    };

    /// <summary>A commit takes the round trip to the nearest that makes a majority, and its write.</summary>
    [Theory]
    [InlineData("1,1,1", 0, null, 11)]
    [InlineData("1,1,1", 1, null, 11)]
    [InlineData("1,1,1", 2, null, 21)]
    [InlineData("1,1,1", 0, 1, 21)]
    [InlineData("1,1,1", 1, 0, 31)]
    [InlineData("2,1,0", 0, null, 1.3)]
    [InlineData("2,2,1", 0, null, 11)]
    [InlineData("3,1,1", 0, null, 1.3)]
    [InlineData("3,1,1", 2, null, 21)]
    [InlineData("2,2,2", 2, null, 21)]
    [InlineData("1,0,0", 0, null, 1)]
    public void A_commit_takes_the_round_trip_to_the_nearest_majority_and_a_write(string placement, int leaderSite, int? siteDown, double milliseconds)
    {
        var topology = new Topology([.. placement.Split(',').Select(int.Parse)]);
        var expected = TimeSpan.FromMilliseconds(milliseconds);
        Assert.Equal(expected, CommitLatency.Floor(Maps.Triangle, topology, leaderSite, siteDown, Sync));
        var simulated = CommitSimulation.Run(Still(Maps.Triangle, topology, leaderSite, siteDown));
        Assert.NotNull(simulated);
        Assert.InRange(simulated.Value.P50, expected, expected + TimeSpan.FromMilliseconds(0.01));
    }

    [Fact]
    public void Nobody_leads_without_a_majority() =>
        Assert.Null(CommitSimulation.Run(Still(Maps.Triangle, new Topology([2, 1, 0]), leaderSite: 1, siteDown: 0)));

    /// <summary>The real core elects and commits exactly where counting says that a majority is left, and never faster than theory allows.</summary>
    [Fact]
    public void The_core_commits_where_counting_says_so_and_never_faster_than_theory()
    {
        var sites = Maps.Example;
        var cases = from counts in Gen.Int[0, 2].Array[4].Where(counts => counts.Sum() > 0)
                    from leader in Gen.Int[0, 3]
                    from down in Gen.Int[-1, 3]
                    where counts[leader] > 0 && leader != down
                    select (counts, leader, down);
        cases.Sample(at =>
        {
            var topology = new Topology(at.counts);
            var down = at.down < 0 ? (int?)null : at.down;
            var floor = CommitLatency.Floor(sites, topology, at.leader, down, Sync);
            var latency = CommitSimulation.Run(Still(sites, topology, at.leader, down) with { Proposals = 10 });
            return latency is { } l ? floor <= l.P50 && l.P50 <= l.P99 : floor is null;
        }, iter: 60);
    }

    [Fact]
    public void A_slower_disk_and_more_jitter_make_commits_slower()
    {
        var still = Still(Maps.Triangle, new Topology([1, 1, 1]), 0) with { Proposals = 500, ProposalsPerSecond = 50 };
        var baseline = CommitSimulation.Run(still)!.Value;
        var slowDisk = CommitSimulation.Run(still with { Disk = DiskSync.Exactly(Sync * 5) })!.Value;
        var jitter = CommitSimulation.Run(still with { LinkJitter = 0.2 })!.Value;
        Assert.True(slowDisk.P50 > baseline.P50);
        Assert.True(jitter.P50 > baseline.P50 && jitter.P99 > baseline.P99);
    }

    [Fact]
    public void The_same_seed_gives_the_same_figures()
    {
        var conditions = new CommitConditions { Sites = Maps.Triangle, Topology = new Topology([2, 2, 1]), LeaderSite = 0, Disk = new DiskSync(Sync, Sync * 2), Proposals = 200 };
        Assert.Equal(CommitSimulation.Run(conditions), CommitSimulation.Run(conditions));
        Assert.NotEqual(CommitSimulation.Run(conditions), CommitSimulation.Run(conditions with { Seed = 2 }));
    }

    [Fact]
    public void A_disk_is_drawn_through_the_two_measured_figures()
    {
        var disk = new DiskSync(TimeSpan.FromMilliseconds(0.15), TimeSpan.FromMilliseconds(0.26));
        var random = new Random(1);
        var drawn = CommitLatency.Of(Enumerable.Range(0, 20_000).Select(_ => disk.Draw(random)));
        Assert.Equal(0.15, drawn.P50.TotalMilliseconds, 0.005);
        Assert.Equal(0.26, drawn.P99.TotalMilliseconds, 0.01);
    }
}
