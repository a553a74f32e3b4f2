namespace Skep.Cli.Plan;

/// <summary>Under what a group of managers commits: what <see cref="CommitSimulation"/> needs to know.</summary>
internal sealed record CommitConditions
{
    public required SiteMap Sites { get; init; }

    public required Topology Topology { get; init; }

    /// <summary>Where the leader stands; a site with managers.</summary>
    public required int LeaderSite { get; init; }

    /// <summary>All managers there are down; not the leader's.</summary>
    public int? SiteDown { get; init; }

    public required DiskSync Disk { get; init; }

    /// <summary>Mean of what a message takes longer than half the round trip, as a share of it; exponentially distributed.</summary>
    public double LinkJitter { get; init; } = 0.02;

    /// <summary>How many are measured.</summary>
    public int Proposals { get; init; } = 2000;

    /// <summary>At random moments, so many on average: turns of the manager's loop, each one entry.</summary>
    public double ProposalsPerSecond { get; init; } = 100;

    public int Seed { get; init; } = 1;
}
