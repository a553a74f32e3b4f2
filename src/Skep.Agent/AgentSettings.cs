namespace Skep.Agent;

/// <summary>What an agent is and how it reports.</summary>
public sealed record AgentSettings
{
    /// <summary>What the node says of itself.</summary>
    public required Wire.NodeDescription Description { get; init; }

    /// <summary>Most task statuses in one call. Stock engines send one.</summary>
    public int StatusesPerCall { get; init; } = 1;

    /// <summary>
    /// Takes in what the node is assigned. Where thousands of agents are one process, a burst would else hold up what they wait for elsewhere: an engine of its own
    /// has its answers while it takes in assignments.
    /// </summary>
    public TaskScheduler Assignments { get; init; } = TaskScheduler.Default;
}
