namespace Skep.Cli.Plan;

/// <summary>How fast a leader at a site commits while a site, or none, is down; null: it cannot.</summary>
internal sealed record LeaderLatency(int LeaderSite, int? SiteDown, CommitLatency? Latency);

/// <summary>What to expect of one topology: what it survives, and its commit latencies with the leader at each site and each site down.</summary>
internal sealed class TopologyOutlook
{
    // Enough for a p99 that does not move by more than some percent; fewer where only the median is shown.
    private const int Proposals = 2000;
    private const int ProposalsWhileDown = 500;

    public TopologyOutlook(SiteMap sites, Topology topology, DiskSync disk, int seed)
    {
        Topology = topology;
        Survives = Enum.GetValues<FailureKind>().ToDictionary(kind => kind, kind => Survival.Of(topology, kind));
        Latencies = [.. Cases(topology).AsParallel().AsOrdered().Select(at => new LeaderLatency(at.Leader, at.Down, CommitSimulation.Run(new CommitConditions
        {
            Sites = sites,
            Topology = topology,
            LeaderSite = at.Leader,
            SiteDown = at.Down,
            Disk = disk,
            Proposals = at.Down is null ? Proposals : ProposalsWhileDown,
            Seed = seed,
        })))];
        var whole = Latencies.Where(l => l.SiteDown is null && l.Latency is not null).OrderBy(l => l.Latency!.Value.P50).ToList();
        (Best, Worst) = (whole[0], whole[^1]);
    }

    public Topology Topology { get; }

    public IReadOnlyDictionary<FailureKind, Survival> Survives { get; }

    public IReadOnlyList<LeaderLatency> Latencies { get; }

    /// <summary>The leader's best place, all sites up.</summary>
    public LeaderLatency Best { get; }

    /// <summary>The leader's worst place, all sites up.</summary>
    public LeaderLatency Worst { get; }

    /// <summary>The slowest that it gets when the worst site is down and the leader stands at the best place that is left; null when nobody can lead then.</summary>
    public CommitLatency? WithWorstSiteDown
    {
        get
        {
            var best = Topology.UsedSites.Select(down => Latencies.Where(l => l.SiteDown == down && l.Latency is not null)
                .Select(l => l.Latency).OrderBy(l => l!.Value.P50).FirstOrDefault()).ToList();
            return best.Contains(null) ? null : best.MaxBy(l => l!.Value.P50);
        }
    }

    private static IEnumerable<(int Leader, int? Down)> Cases(Topology topology) =>
        from leader in topology.UsedSites
        from down in topology.UsedSites.Select(site => (int?)site).Prepend(null)
        where down != leader
        select (leader, down);
}
