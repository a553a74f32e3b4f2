namespace Skep.Agent;

/// <summary>What an agent is and how it reports.</summary>
public sealed record AgentSettings
{
    /// <summary>What the node says of itself.</summary>
    public required Wire.NodeDescription Description { get; init; }

    /// <summary>Most task statuses in one call. Stock engines send one.</summary>
    public int StatusesPerCall { get; init; } = 1;
}
