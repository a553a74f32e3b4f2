namespace Skep.Cli.Plan;

/// <summary>From a proposal on the leader to its being applied there.</summary>
internal readonly record struct CommitLatency(TimeSpan P50, TimeSpan P99)
{
    /// <summary>
    /// What no run can be faster than: the leader's own write and, of the others, as many answers as a majority needs, each after a
    /// round trip and a write. Null when too few are left.
    /// </summary>
    public static TimeSpan? Floor(SiteMap sites, Topology topology, int leaderSite, int? siteDown, TimeSpan sync)
    {
        var leader = Enumerable.Range(0, topology.Managers).First(manager => topology.SiteOf(manager) == leaderSite);
        var onDisk = Enumerable.Range(0, topology.Managers)
            .Where(manager => topology.SiteOf(manager) != siteDown)
            .Select(manager => manager == leader ? sync : sites.RoundTrip(leaderSite, topology.SiteOf(manager)) + sync)
            .Order().ToList();
        return onDisk.Count < topology.Majority ? null : onDisk[topology.Majority - 1];
    }

    /// <param name="latencies">At least one.</param>
    public static CommitLatency Of(IEnumerable<TimeSpan> latencies)
    {
        var sorted = latencies.Order().ToArray();
        return new CommitLatency(sorted[(sorted.Length - 1) / 2], sorted[(sorted.Length - 1) * 99 / 100]);
    }
}
