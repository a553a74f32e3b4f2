namespace Skep.State;

/// <summary>What a skepd of the cluster is.</summary>
public sealed partial class Manager
{
    /// <summary>It is, or shall become, a Raft member.</summary>
    public bool IsMember => !Standby;

    /// <summary>It has a vote: shown as Reachable, Unreachable or Leader, and counted in the quorum.</summary>
    public bool IsVoter => !Standby && !Joining;

    /// <summary>The node as which docker node ls shows it: its engine's, or, without an engine, one by its own id.</summary>
    public string HostNodeId => NodeId.Length > 0 ? NodeId : Id;
}
