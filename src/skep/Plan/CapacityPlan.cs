namespace Skep.Cli.Plan;

/// <summary>What skep plan capacity was asked.</summary>
/// <param name="Managers">Null: as many as <paramref name="MustSurvive"/> takes.</param>
/// <param name="Placement">Exactly this one; null: chosen.</param>
/// <param name="AreLinksGiven">False: the sites are <see cref="SiteMap.ExampleSpec"/>.</param>
/// <param name="IsSurvivalAsked">False: a given number of managers need not survive it.</param>
/// <param name="Disk">How long a write takes to be durable.</param>
internal sealed record PlanQuestion(
    Demand Demand, SiteMap Sites, bool AreLinksGiven, int? Managers, Topology? Placement, FailureKind MustSurvive, bool IsSurvivalAsked, DiskSync Disk, int Seed);

/// <summary>The answer: loads and sizes by number of managers, what topologies are good for, and what to take.</summary>
internal sealed class CapacityPlan
{
    private static readonly int[] Numbers = [1, 3, 5, 7];

    /// <exception cref="CliException">No placement survives what it must.</exception>
    public CapacityPlan(PlanQuestion question, MeasuredCosts measured)
    {
        (Question, Measured) = (question, measured);
        Model = new CapacityModel(measured);
        Uncertainty = new Uncertainty(Model, measured.Checks);
        var chosen = question.Placement ?? TopologyChoice.Fewest(question.Sites, question.MustSurvive, question.Managers, question.Disk)
            ?? (question is { Managers: { } given, IsSurvivalAsked: false } ? TopologyChoice.BestPlacement(question.Sites, given, 1, question.Disk) : null)
            ?? throw new CliException($"no placement of {(question.Managers is { } n ? $"{n}" : $"up to {TopologyChoice.MostManagers}")} managers on {question.Sites.Count} "
                + $"{(question.Sites.Count == 1 ? "site" : "sites")} survives any {Words.Of(question.MustSurvive)}");
        Sizes = [.. Numbers.Append(chosen.Managers).Distinct().Order().Select(managers => new Sizing(Model, Uncertainty, question.Demand, managers))];
        Size = Sizes.Single(size => size.Managers == chosen.Managers);
        Disk = Model.Disk(question.Demand);

        var compared = question.Placement is { } placement ? [placement] : TopologyChoice.ToCompare(question.Sites, question.Managers, question.Disk);
        if (!compared.Any(topology => topology.ManagersPerSite.SequenceEqual(chosen.ManagersPerSite)))
            compared = [chosen, .. compared];
        Topologies = [.. compared.Select(topology => new TopologyOutlook(question.Sites, topology, question.Disk, question.Seed))];
        Chosen = Topologies.First(outlook => outlook.Topology.ManagersPerSite.SequenceEqual(chosen.ManagersPerSite));
    }

    public PlanQuestion Question { get; }

    public MeasuredCosts Measured { get; }

    public CapacityModel Model { get; }

    public Uncertainty Uncertainty { get; }

    /// <summary>By number of managers.</summary>
    public IReadOnlyList<Sizing> Sizes { get; }

    /// <summary>The one to take.</summary>
    public Sizing Size { get; }

    public DiskLoad Disk { get; }

    public IReadOnlyList<TopologyOutlook> Topologies { get; }

    /// <summary>The one to take.</summary>
    public TopologyOutlook Chosen { get; }

    /// <summary>More than one thread can decide: no number or size of managers helps.</summary>
    public bool IsChurnTooHigh => Question.Demand.StartsPerSecond > Model.MostStartsPerSecond;

    public double JoinAllSeconds => Model.JoinAllSeconds(Question.Demand, Size.Machine.Cores);

    public double StartAllSeconds => Model.StartAllSeconds(Question.Demand, Size.Managers, Size.Machine.Cores);

    public double ListNodesSeconds => Question.Demand.Nodes * Model.Costs.ListNodeMs / 1000;
}
