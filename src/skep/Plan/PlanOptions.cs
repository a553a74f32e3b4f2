using System.CommandLine;
using System.Globalization;

namespace Skep.Cli.Plan;

/// <summary>The options of skep plan's commands, and what they say.</summary>
internal sealed class PlanOptions
{
    private const int MostNodes = 1_000_000;
    private const int MostTasks = 100_000_000;

    private static readonly Dictionary<string, FailureKind> Failures = new()
    {
        ["manager"] = FailureKind.Manager,
        ["two-managers"] = FailureKind.TwoManagers,
        ["site"] = FailureKind.Site,
        ["site+manager"] = FailureKind.SiteAndManager,
        ["two-sites"] = FailureKind.TwoSites,
    };

    public Option<int> Nodes { get; } = new("--nodes") { Description = "Engines in the cluster", Required = true };

    public Option<int> Tasks { get; } = new("--tasks") { Description = "Tasks that run at a time", Required = true };

    public Option<string> Churn { get; } = new("--churn")
    {
        Description = "Tasks that start, and as many that end: 10/s, 600/min, 500/h, 2000/d; a number alone is per minute",
        DefaultValueFactory = _ => "0",
    };

    public Option<string?> Managers { get; } = new("--managers")
    {
        Description = "Their number, such as 5, or their places, one number per site in the order of --sites, such as 2+2+1 (default: the fewest that survive --survive)",
    };

    public Option<string?> Sites { get; } = new("--sites")
    {
        Description = "Datacenters by the links between them, round trips in ms: fra-ams=8,fra-lon=14,ams-lon=9; inside one: fra=0.5 (default 0.3); one alone: fra "
            + "(default: one datacenter is planned, four serve as an example of the others)",
    };

    public Option<string?> Survive { get; } = new("--survive")
    {
        Description = "What must be survived at any time: " + string.Join(", ", Failures.Keys) + " (default: site with three sites and more, else manager)",
    };

    public Option<double?> SyncMs { get; } = new("--sync-ms") { Description = "How long the managers' disks take to sync a write, in ms, median (default: as measured)" };

    public Option<int> Seed { get; } = new("--seed") { Description = "Of all chance in the simulation", DefaultValueFactory = _ => 1 };

    public Option<bool> Json { get; } = new("--json") { Description = "One JSON object instead of tables" };

    /// <exception cref="CliException">A value makes no sense.</exception>
    public PlanQuestion Read(ParseResult arguments, CostTable costs)
    {
        var spec = arguments.GetValue(Sites);
        var sites = SitesSpec.Parse(spec ?? SiteMap.ExampleSpec);
        var (managers, placement) = ReadManagers(arguments.GetValue(Managers), sites);
        return new PlanQuestion(
            new Demand(Within("--nodes", arguments.GetValue(Nodes), 1, MostNodes), Within("--tasks", arguments.GetValue(Tasks), 0, MostTasks), Plan.Churn.Parse(arguments.GetValue(Churn)!)),
            sites, spec is not null, managers, placement,
            ReadSurvive(arguments.GetValue(Survive), spec is not null && sites.Count >= 3), arguments.GetValue(Survive) is not null,
            ReadDisk(arguments, costs), arguments.GetValue(Seed));
    }

    /// <summary>The sites, and example ones when none are given.</summary>
    /// <exception cref="CliException">They cannot be read.</exception>
    public SiteMap ReadSites(ParseResult arguments) => SitesSpec.Parse(arguments.GetValue(Sites) ?? SiteMap.ExampleSpec);

    /// <exception cref="CliException">It is no time.</exception>
    public DiskSync ReadDisk(ParseResult arguments, CostTable costs)
    {
        if (arguments.GetValue(SyncMs) is not { } milliseconds)
            return costs.Disk;
        // A slower disk spreads as the measured one does.
        var median = TimeSpan.FromMilliseconds(Within("--sync-ms", milliseconds, 0.01, 1000));
        return new DiskSync(median, median * (costs.SyncP99Ms / costs.SyncMedianMs));
    }

    private static (int? Managers, Topology? Placement) ReadManagers(string? text, SiteMap sites)
    {
        if (text is null)
            return (null, null);
        var counts = text.Split('+').Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : -1).ToArray();
        if (counts.Contains(-1) || counts.Sum(count => (long)count) is < 1 or > TopologyChoice.MostManagers)
            throw new CliException($"--managers '{text}' is neither a number up to {TopologyChoice.MostManagers} nor places such as 2+2+1");
        if (counts.Length == 1)
            return (counts[0], null);
        if (counts.Length != sites.Count)
            throw new CliException($"--managers '{text}' has {counts.Length} places, but there are {sites.Count} sites: {string.Join(", ", sites.Names)}");
        return (counts.Sum(), new Topology(counts));
    }

    private static FailureKind ReadSurvive(string? text, bool areThreeSitesGiven) => text is null
        ? areThreeSitesGiven ? FailureKind.Site : FailureKind.Manager
        : Failures.TryGetValue(text, out var kind) ? kind : throw new CliException($"--survive '{text}' is none of {string.Join(", ", Failures.Keys)}");

    private static T Within<T>(string option, T value, T least, T most) where T : IComparable<T> =>
        value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0 ? value : throw new CliException($"{option} {value} is not between {least} and {most}");
}
