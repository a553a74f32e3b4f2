namespace Skep.Raft;

/// <summary>
/// What a leader knows and assumes about one follower's log. Always Match &lt; Next: up to Match is certain, between is under way.
/// </summary>
internal sealed class Progress(ulong next, Inflights inflights)
{
    private ulong _sentCommit;

    public ProgressState State { get; private set; } = ProgressState.Probe;

    public ulong Match { get; private set; }

    public ulong Next { get; private set; } = next;

    /// <summary>Index of the snapshot under way; 0 if none.</summary>
    public ulong PendingSnapshot { get; private set; }

    /// <summary>Heard from since the last look at the quorum. A new member counts as heard from, to give it its chance.</summary>
    public bool RecentActive { get; set; }

    /// <summary>An append is owed even if it carries nothing: its answer tells where we stand.</summary>
    public bool ProbeWanted { get; set; }

    /// <summary>Set when one more append would be wasted before an answer; a heartbeat's answer lifts it, should the append be lost.</summary>
    public bool FlowPaused { get; set; }

    public bool Paused => FlowPaused || State == ProgressState.Snapshot;

    /// <summary>The window is full: appends may go, but without entries.</summary>
    public bool WindowFull => State == ProgressState.Replicate && inflights.Full;

    /// <summary>Whether telling this commit could move the follower's: not if it was told already all that is good for what it was sent.</summary>
    public bool CanBumpCommit(ulong commit) => commit > _sentCommit && _sentCommit < Next - 1;

    public void SentCommit(ulong commit) => _sentCommit = Math.Max(_sentCommit, commit);

    public void BecomeProbe() => Become(ProgressState.Probe, Math.Max(Match, PendingSnapshot) + 1);

    public void BecomeReplicate() => Become(ProgressState.Replicate, Match + 1);

    public void BecomeSnapshot(ulong index)
    {
        Become(ProgressState.Snapshot, index + 1);
        PendingSnapshot = index;
        SentCommit(index);
    }

    /// <summary>The snapshot never arrived: go on from what is certain.</summary>
    public void ForgetSnapshot() => PendingSnapshot = 0;

    public void SentAppend(int entries, ulong bytes)
    {
        if (State == ProgressState.Probe)
        {
            FlowPaused = true;
            return;
        }
        if (entries > 0)
        {
            Next += (ulong)entries;
            inflights.Add(Next - 1, bytes);
        }
        FlowPaused = inflights.Full;
    }

    /// <summary>The follower has everything up to index. False for old news.</summary>
    public bool TryAdvance(ulong index)
    {
        if (index <= Match)
            return false;
        Match = index;
        Next = Math.Max(Next, index + 1);
        FlowPaused = false;
        return true;
    }

    public void FreeWindow(ulong index) => inflights.FreeUpTo(index);

    /// <summary>The follower has no entry that agrees at rejected, but perhaps one at hint. False for old news.</summary>
    public bool TryRetreat(ulong rejected, ulong hint)
    {
        if (State == ProgressState.Replicate)
        {
            // Appends overtook each other: what is acknowledged already cannot be missing.
            if (rejected <= Match)
                return false;
            BecomeProbe();
            return true;
        }
        // One probe is under way at a time; an answer to another one is late.
        if (State == ProgressState.Snapshot || rejected != Next - 1)
            return false;
        Next = Math.Max(Math.Min(rejected, hint + 1), Match + 1);
        _sentCommit = Math.Min(_sentCommit, Next - 1);
        FlowPaused = false;
        return true;
    }

    private void Become(ProgressState state, ulong next)
    {
        State = state;
        Next = next;
        PendingSnapshot = 0;
        FlowPaused = false;
        _sentCommit = Math.Min(_sentCommit, next - 1);
        inflights.Clear();
    }
}
