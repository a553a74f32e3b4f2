namespace Skep.Cli.Plan;

/// <summary>The seed's rules on how many managers and where, tried by going through all placements and by simulating commits.</summary>
internal sealed class TopologyRules(CapacityModel model, SiteMap sites, DiskSync disk, int seed)
{
    private const int MostManagers = 8;
    private const double ManagerDown = 0.01;
    private const int SpreadManagers = 5;

    /// <summary>Of Skep.Manager: LeaderTerm.MaxInFlight.</summary>
    internal const int BatchesUnderWay = 3;

    /// <summary>Of Skep.Manager: SwarmLoop.DefaultBudget.</summary>
    internal const int ChangesPerBatch = 1_000;

    // Made, allocated, assigned.
    private const int ChangesPerStart = 3;

    // A difference that people notice.
    private const double Noticeable = 2;

    public SeedRule OddNumbers
    {
        get
        {
            var useful = (from even in EvenNumbers
                          from kind in Enum.GetValues<FailureKind>()
                          where Placements(even).Any(t => Survival.Of(t, kind).Always) && !Placements(even - 1).Any(t => Survival.Of(t, kind).Always)
                          select $"{even} survive any {Words.Of(kind)}, {even - 1} do not").ToList();
            var compared = EvenNumbers.Sum(even => Placements(even).Count());
            var ratio = Unavailability(4) / Unavailability(3);
            var figure = useful.Count > 0 ? string.Join("; ", useful)
                : $"of {Words.Number(compared)} placements of 2, 4, 6 or 8 managers on up to {MostSites} sites none survives a kind of failure that one manager fewer cannot; "
                    + $"with each down {Words.Number(ManagerDown * 100)} % of the time 4 lack a majority {Words.Number(ratio, "0.0")} times as often as 3";
            return new SeedRule("odd numbers of managers", figure, useful.Count > 0 ? Verdict.Refuted : Verdict.Holds);
        }
    }

    public SeedRule QuorumOnFastLinks
    {
        get
        {
            const string rule = "the quorum on fast links";
            var placements = Enumerable.Range(1, sites.Count).SelectMany(used => Topology.All(SpreadManagers, used, sites.Count)).ToList();
            var together = Fastest(placements.Where(t => t.ManagersPerSite.Max() >= t.Majority));
            var spread = placements.Where(t => Survival.Of(t, FailureKind.Site).Always).ToList();
            if (spread.Count == 0)
                return new SeedRule(rule, $"no placement of {SpreadManagers} managers on {sites.Count} {(sites.Count == 1 ? "site" : "sites")} survives one: nothing to compare with", Verdict.NotTried);
            var near = Fastest(spread);
            var (far, farLeader) = spread.SelectMany(t => t.UsedSites.Select(leader => (t, leader))).MaxBy(at => CommitLatency.Floor(sites, at.t, at.leader, null, disk.Median));
            var (fast, middle, slow) = (P50(together, LeaderOf(together)), P50(near, LeaderOf(near)), P50(far, farLeader));
            var starts = BatchesUnderWay * ChangesPerBatch / ChangesPerStart / slow.TotalSeconds;
            var isSlowEnough = starts >= model.MostStartsPerSecond;
            var survives = Survival.Of(together, FailureKind.Site).Always;
            var figure = $"5 managers, p50 of a commit: {Words.Milliseconds(fast)} with a majority in one datacenter, which {(survives ? "survives" : "does not survive")} the loss of any one; "
                + $"{Words.Milliseconds(middle)} for the fastest that survives that ({near.Describe(sites)}); {Words.Milliseconds(slow)} over the slowest links; "
                + $"even that carries {Words.Number(starts, "#,##0")} starts a second, the loop decides {Words.Number(model.MostStartsPerSecond, "#,##0")}";
            var matters = slow >= fast * Noticeable;
            return new SeedRule(rule, figure, !matters ? Verdict.Refuted : isSlowEnough || !survives ? Verdict.HoldsInPart : Verdict.Holds);
        }
    }

    private static IEnumerable<int> EvenNumbers => Enumerable.Range(1, MostManagers).Where(n => n % 2 == 0);

    private int MostSites => Math.Max(4, sites.Count);

    private IEnumerable<Topology> Placements(int managers) => Enumerable.Range(1, MostSites).SelectMany(used => Topology.All(managers, used, MostSites));

    private static double Unavailability(int managers) => Survival.Unavailability(new Topology([managers]), ManagerDown);

    private Topology Fastest(IEnumerable<Topology> placements) => placements.MinBy(t => TopologyChoice.Floor(sites, t, disk))!;

    private int LeaderOf(Topology topology) => topology.UsedSites.MinBy(leader => CommitLatency.Floor(sites, topology, leader, null, disk.Median));

    private TimeSpan P50(Topology topology, int leaderSite) =>
        CommitSimulation.Run(new CommitConditions { Sites = sites, Topology = topology, LeaderSite = leaderSite, Disk = disk, Seed = seed })!.Value.P50;
}
