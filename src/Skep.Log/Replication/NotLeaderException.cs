namespace Skep.Log;

/// <summary>This member does not lead: nothing was proposed. Ask the leader.</summary>
public sealed class NotLeaderException(ulong leaderId, string? message = null)
    : Exception(message ?? (leaderId == 0 ? "no raft leader is known" : $"raft member {leaderId:x} leads, not this one"))
{
    /// <summary>Who leads as far as known, or 0.</summary>
    public ulong LeaderId { get; } = leaderId;
}
