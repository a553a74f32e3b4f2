namespace Skep.Raft;

/// <summary>
/// Brings the leader's log to the others. Events only note what is owed; <see cref="SendAll"/>, once before each
/// <see cref="Ready"/>, sends it: so any number of proposals and answers between two Readys share the appends.
/// </summary>
internal sealed class Replicator(RaftCore core, ProgressTracker peers)
{
    private RaftLog Log => core.Log;

    /// <summary>Sends everyone what it can take: entries, a snapshot, or the news of the commit.</summary>
    public void SendAll()
    {
        foreach (var (id, progress) in peers.Peers)
        {
            var evenIfEmpty = progress.ProbeWanted || progress.CanBumpCommit(Log.Committed);
            progress.ProbeWanted = false;
            while (TrySend(id, progress, evenIfEmpty))
                evenIfEmpty = false;
        }
    }

    public void SendHeartbeats(ReadOnlyMemory<byte> mark)
    {
        foreach (var (id, progress) in peers.Peers)
        {
            // Not beyond what the follower is known to have: it cannot check what a heartbeat says.
            var commit = Math.Min(progress.Match, Log.Committed);
            progress.SentCommit(commit);
            core.Send(To(id, MessageType.Heartbeat) with { Commit = commit, Context = mark });
        }
    }

    /// <summary>True if the follower is known to have more than before, or is back in step.</summary>
    public bool TakeAppendResponse(Message message, Progress progress)
    {
        progress.RecentActive = true;
        if (message.Reject)
        {
            TakeRejection(message, progress);
            return false;
        }
        // An answer that says nothing new still ends a probe: the follower agrees where we asked.
        var endsProbe = progress.State == ProgressState.Probe && message.Index == progress.Match;
        if (!progress.TryAdvance(message.Index) && !endsProbe)
            return false;
        switch (progress.State)
        {
            case ProgressState.Probe:
                progress.BecomeReplicate();
                break;
            // Whichever snapshot it has installed, also an older or newer one: what counts is that our log goes on from there.
            case ProgressState.Snapshot when progress.Match + 1 >= Log.FirstIndex:
                progress.BecomeReplicate();
                break;
            // It has the one we sent, but our log was compacted further meanwhile: it needs another.
            case ProgressState.Snapshot when progress.Match >= progress.PendingSnapshot:
                progress.BecomeProbe();
                break;
            case ProgressState.Replicate:
                progress.FreeWindow(message.Index);
                break;
        }
        return true;
    }

    public void TakeHeartbeatResponse(Progress progress)
    {
        progress.RecentActive = true;
        progress.FlowPaused = false;
        // It answers, so if something is missing, or we are not sure where it stands, an append or its answer may have been lost.
        if (progress.Match < Log.LastIndex || progress.State == ProgressState.Probe)
            progress.ProbeWanted = true;
    }

    public static void ReportUnreachable(Progress progress)
    {
        // Appends sent ahead are probably lost too.
        if (progress.State == ProgressState.Replicate)
            progress.BecomeProbe();
    }

    public static void ReportSnapshot(Progress progress, bool succeeded)
    {
        if (progress.State != ProgressState.Snapshot)
            return;
        if (!succeeded)
            progress.ForgetSnapshot();
        progress.BecomeProbe();
        // Arrived: its answer comes soon. Failed: not again before the next heartbeat's answer.
        progress.FlowPaused = true;
    }

    private void TakeRejection(Message message, Progress progress)
    {
        var hint = message.RejectHint;
        if (message.LogTerm > 0)
            hint = Log.LastPossibleMatch(hint, message.LogTerm).Index;
        if (progress.TryRetreat(message.Index, hint))
            progress.ProbeWanted = true;
    }

    private bool TrySend(ulong id, Progress progress, bool evenIfEmpty)
    {
        if (progress.Paused)
            return false;
        var previous = progress.Next - 1;
        if (Log.Term(previous) is not { } previousTerm)
            return TrySendSnapshot(id, progress);

        // When the window is full an empty append still goes out on request: its answer empties the window if all in it was lost.
        IReadOnlyList<Entry> entries = progress.WindowFull ? [] : Log.Entries(progress.Next, Log.LastIndex + 1, core.Config.MaxMessageBytes);
        if (entries.Count == 0 && !evenIfEmpty)
            return false;
        core.Send(To(id, MessageType.Append) with
        {
            Index = previous,
            LogTerm = previousTerm,
            Entries = entries,
            Commit = Log.Committed,
        });
        var bytes = 0UL;
        foreach (var entry in entries)
            bytes += entry.Size;
        progress.SentAppend(entries.Count, bytes);
        progress.SentCommit(Log.Committed);
        return true;
    }

    private bool TrySendSnapshot(ulong id, Progress progress)
    {
        // A member that does not answer would hold up a large snapshot for nothing.
        if (!progress.RecentActive)
            return false;
        var snapshot = Log.SendableSnapshot;
        if (snapshot.Index == 0)
            return false;
        if (snapshot.Index + 1 < Log.FirstIndex)
            throw new RaftException($"log begins at {Log.FirstIndex} but the snapshot ends at {snapshot.Index}: a follower could not go on from it");
        progress.BecomeSnapshot(snapshot.Index);
        core.Send(To(id, MessageType.Snapshot) with { Snapshot = snapshot });
        return true;
    }

    private Message To(ulong id, MessageType type) => new() { Type = type, From = core.Id, To = id, Term = core.Term };
}
