namespace Skep.Cli.Plan;

/// <summary>How many managers stand at each site. Written n(s): n managers over s sites.</summary>
internal sealed class Topology
{
    private readonly int[] _siteOf;

    /// <param name="managersPerSite">By the site's place in the <see cref="SiteMap"/>; zero where there is none.</param>
    public Topology(IReadOnlyList<int> managersPerSite)
    {
        ManagersPerSite = managersPerSite;
        _siteOf = [.. managersPerSite.SelectMany((count, site) => Enumerable.Repeat(site, count))];
        UsedSites = [.. Enumerable.Range(0, managersPerSite.Count).Where(site => managersPerSite[site] > 0)];
    }

    public IReadOnlyList<int> ManagersPerSite { get; }

    /// <summary>Sites with at least one manager.</summary>
    public IReadOnlyList<int> UsedSites { get; }

    public int Managers => _siteOf.Length;

    /// <summary>The fewest that can commit.</summary>
    public int Majority => (Managers / 2) + 1;

    public int SiteOf(int manager) => _siteOf[manager];

    /// <summary>Such as 5(3).</summary>
    public string Name => $"{Managers}({UsedSites.Count})";

    /// <summary>Such as "fra 2, ams 2, lon 1".</summary>
    public string Describe(SiteMap sites) => string.Join(", ", UsedSites.Select(site => $"{sites.Names[site]} {ManagersPerSite[site]}"));

    /// <summary>Every way to put so many managers on exactly so many of the sites.</summary>
    public static IEnumerable<Topology> All(int managers, int usedSites, int sites) => Split(managers, usedSites, sites).Select(counts => new Topology(counts));

    private static IEnumerable<int[]> Split(int managers, int used, int sites)
    {
        if (sites == 0)
        {
            if (managers == 0 && used == 0)
                yield return [];
            yield break;
        }
        // The first sites first: of equals, the first one named is taken.
        for (var here = managers; here >= 0; here--)
        {
            foreach (var rest in Split(managers - here, here > 0 ? used - 1 : used, sites - 1))
                yield return [here, .. rest];
        }
    }
}
