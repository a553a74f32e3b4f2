namespace Skep.Cli.Plan;

/// <summary>Which topologies are worth a look, and which of all that can be made is the one to take.</summary>
internal static class TopologyChoice
{
    /// <summary>More voters only make every commit wait for more of them.</summary>
    public const int MostManagers = 9;

    // Managers and sites: the ones people choose between. 6(4) is there to be seen beside 5(4).
    private static readonly (int Managers, int Sites)[] Usual = [(3, 1), (5, 1), (3, 3), (5, 3), (5, 4), (6, 4), (5, 5), (7, 5)];
    private static readonly (int Managers, int Sites)[] OnTwoSites = [(3, 1), (5, 1), (3, 2), (5, 2)];

    /// <summary>The best placement of each usual number, as far as there are sites; or, of a given number, on each number of sites.</summary>
    public static IReadOnlyList<Topology> ToCompare(SiteMap sites, int? managers, DiskSync disk) =>
        [.. (managers is { } number ? Enumerable.Range(1, Math.Min(number, sites.Count)).Select(used => (number, used))
            : (sites.Count == 2 ? OnTwoSites : Usual).Where(n => n.Sites <= sites.Count))
            .Select(n => BestPlacement(sites, n.Item1, n.Item2, disk))];

    /// <summary>The fewest managers that always survive a failure of that kind, placed so that they commit fastest. Null: none do.</summary>
    public static Topology? Fewest(SiteMap sites, FailureKind mustSurvive, int? managers, DiskSync disk)
    {
        for (var number = managers ?? 1; number <= (managers ?? MostManagers); number++)
        {
            var best = Enumerable.Range(1, Math.Min(number, sites.Count))
                .SelectMany(used => Topology.All(number, used, sites.Count))
                .Where(topology => Survival.Of(topology, mustSurvive).Always)
                .OrderBy(topology => Floor(sites, topology, disk)).ThenBy(topology => FloorWithWorstSiteDown(sites, topology, disk)).ThenBy(topology => topology.UsedSites.Count)
                .FirstOrDefault();
            if (best is not null)
                return best;
        }
        return null;
    }

    /// <summary>The commit latency that no run is faster than, the leader at its best place.</summary>
    public static TimeSpan Floor(SiteMap sites, Topology topology, DiskSync disk) =>
        topology.UsedSites.Min(leader => CommitLatency.Floor(sites, topology, leader, siteDown: null, disk.Median))!.Value;

    private static TimeSpan FloorWithWorstSiteDown(SiteMap sites, Topology topology, DiskSync disk) => topology.UsedSites.Max(down => topology.UsedSites
        .Where(leader => leader != down)
        .Min(leader => CommitLatency.Floor(sites, topology, leader, down, disk.Median)) ?? TimeSpan.MaxValue);

    /// <summary>
    /// The placement on exactly so many sites that survives most; of equals the one that commits fastest, and then the one that still does with its
    /// worst site down.
    /// </summary>
    public static Topology BestPlacement(SiteMap sites, int managers, int used, DiskSync disk) => Topology.All(managers, used, sites.Count)
        .OrderByDescending(topology => Enum.GetValues<FailureKind>().Count(kind => Survival.Of(topology, kind).Always))
        .ThenByDescending(topology => Enum.GetValues<FailureKind>().Sum(kind => Survived(topology, kind)))
        .ThenBy(topology => Floor(sites, topology, disk)).ThenBy(topology => FloorWithWorstSiteDown(sites, topology, disk))
        .First();

    private static double Survived(Topology topology, FailureKind kind) =>
        Survival.Of(topology, kind) is { Cases: > 0 } survival ? (double)survival.Survived / survival.Cases : 0;
}
