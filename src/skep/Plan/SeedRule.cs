namespace Skep.Cli.Plan;

/// <summary>What figures say of a rule.</summary>
internal enum Verdict
{
    Holds,

    /// <summary>For one purpose, or below or above a size; the figure says which.</summary>
    HoldsInPart,

    Refuted,

    /// <summary>What was asked about leaves nothing to compare.</summary>
    NotTried,
}

/// <summary>A rule that the seed experiments ended with, and what model and simulation say of it.</summary>
/// <param name="Rule">As the experiments put it.</param>
/// <param name="Figure">The numbers that decide.</param>
internal sealed record SeedRule(string Rule, string Figure, Verdict Verdict);
