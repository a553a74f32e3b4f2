namespace Skep.Cli.Lab;

/// <summary>What is wrong with some of the nodes of a fleet. Which ones and when: from the seed.</summary>
internal sealed record TroubleOptions
{
    /// <summary>Losses of power in the whole fleet, on average.</summary>
    public double DeathsPerMinute { get; init; }

    /// <summary>How long a node stays without power: a chance time between the two. Null: for good.</summary>
    public (TimeSpan Min, TimeSpan Max)? ReturnAfter { get; init; }

    /// <summary>Share of the returns, 0 to 1, without the containers that ran before.</summary>
    public double ReturnEmpty { get; init; }

    /// <summary>Share of the nodes, 0 to 1, whose containers take <see cref="SlowFactor"/> times longer to start.</summary>
    public double SlowShare { get; init; }

    public double SlowFactor { get; init; } = 1;

    /// <summary>Share of the nodes, 0 to 1, whose heartbeats go on while their tasks stay in PREPARING.</summary>
    public double StuckShare { get; init; }
}
