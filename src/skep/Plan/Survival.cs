using System.Numerics;

namespace Skep.Cli.Plan;

/// <summary>Of all failures of a kind, how many leave a majority that can still commit. Counted by going through every one of them.</summary>
/// <param name="Survived">So many leave one.</param>
/// <param name="Cases">Of so many; 0 when there is nothing of that kind to fail.</param>
internal readonly record struct Survival(int Survived, int Cases)
{
    public bool Always => Cases > 0 && Survived == Cases;

    public static Survival Of(Topology topology, FailureKind kind)
    {
        var cases = Failures(topology, kind).Select(failed => topology.Managers - BitOperations.PopCount(failed)).ToList();
        return new Survival(cases.Count(alive => alive >= topology.Majority), cases.Count);
    }

    /// <summary>
    /// The share of time without a majority when each manager is down for that share of time, independently of the others:
    /// the sum over every set of managers that may be down.
    /// </summary>
    public static double Unavailability(Topology topology, double managerDown)
    {
        var sum = 0.0;
        for (var failed = 0u; failed < 1u << topology.Managers; failed++)
        {
            var down = BitOperations.PopCount(failed);
            if (topology.Managers - down < topology.Majority)
                sum += Math.Pow(managerDown, down) * Math.Pow(1 - managerDown, topology.Managers - down);
        }
        return sum;
    }

    // Each as the set of managers that are gone.
    private static IEnumerable<uint> Failures(Topology topology, FailureKind kind)
    {
        var managers = Enumerable.Range(0, topology.Managers).Select(manager => 1u << manager).ToArray();
        var sites = topology.UsedSites.Select(site => managers.Where((_, manager) => topology.SiteOf(manager) == site).Aggregate(0u, (set, one) => set | one)).ToArray();
        return kind switch
        {
            FailureKind.Manager => managers,
            FailureKind.TwoManagers => Pairs(managers, managers),
            FailureKind.Site => sites,
            FailureKind.SiteAndManager => Pairs(sites, managers),
            FailureKind.TwoSites => Pairs(sites, sites),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
    }

    private static IEnumerable<uint> Pairs(uint[] first, uint[] second) =>
        (from a in first from b in second where (a & b) == 0 select a | b).Distinct();
}
