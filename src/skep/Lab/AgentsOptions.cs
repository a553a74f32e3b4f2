using Skep.Agent.Simulated;

namespace Skep.Cli.Lab;

/// <summary>What skep lab agents was asked to do.</summary>
internal sealed record AgentsOptions
{
    /// <summary>host:port each; at least one.</summary>
    public required IReadOnlyList<string> Managers { get; init; }

    public required string Token { get; init; }

    public required int Count { get; init; }

    /// <summary>Most agents that join at a time.</summary>
    public int JoinParallel { get; init; } = 64;

    /// <summary>Of the nodes' hostnames; a number follows.</summary>
    public string Prefix { get; init; } = "agent-";

    /// <summary>Most statuses in one call; 1 as stock engines.</summary>
    public int StatusesPerCall { get; init; } = 1;

    public int Seed { get; init; } = 1;

    public SimulationOptions Simulation { get; init; } = new();

    public TroubleOptions Trouble { get; init; } = new();

    /// <summary>Null: until a signal comes.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Between lines of progress; zero: none.</summary>
    public TimeSpan StatusInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Where the report is kept up to date; null: nowhere.</summary>
    public string? ReportPath { get; init; }
}
