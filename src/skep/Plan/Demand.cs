namespace Skep.Cli.Plan;

/// <summary>What a cluster is to carry.</summary>
/// <param name="Nodes">Engines; at least 1.</param>
/// <param name="Tasks">That run at a time.</param>
/// <param name="StartsPerSecond">Churn: tasks that begin, and as many that end.</param>
internal readonly record struct Demand(int Nodes, int Tasks, double StartsPerSecond);
