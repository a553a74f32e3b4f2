namespace Skep.Raft;

/// <summary>Members are known to the core by a 64-bit number, never reused within a group. Zero is nobody.</summary>
public static class NodeId
{
    /// <summary>Nobody: no leader known, no vote given, no transfer under way.</summary>
    public const ulong None = 0;
}
