namespace Skep.State;

/// <summary>What a skepd of the cluster is.</summary>
public sealed partial class Manager
{
    /// <summary>It is, or shall become, a Raft member.</summary>
    public bool IsMember => !Standby;

    /// <summary>It has a vote: shown as Reachable, Unreachable or Leader, and counted in the quorum.</summary>
    public bool IsVoter => !Standby && !Joining;

    /// <summary>The newest format of batches that its program is known to understand, from 1.</summary>
    public uint KnownFormat => FormatRun == Run ? Math.Max(1, Format) : 1;

    /// <summary>The node as which docker node ls shows it: its engine's, or, without an engine, one by its own id.</summary>
    public string HostNodeId => NodeId.Length > 0 ? NodeId : Id;

    /// <summary>Notes that its program was started anew.</summary>
    /// <param name="run">See <see cref="Run"/>.</param>
    /// <param name="format">What this run says that it understands; 0: nothing.</param>
    public void Begin(string run, uint format) => (Run, FormatRun, Format) = (run, run, format);
}
