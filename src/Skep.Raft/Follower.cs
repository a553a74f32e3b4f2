namespace Skep.Raft;

/// <summary>What a follower does with its leader's messages; the term and the leader are settled before.</summary>
internal sealed class Follower(RaftCore core)
{
    private RaftLog Log => core.Log;

    public void Take(Message message)
    {
        switch (message.Type)
        {
            case MessageType.Append:
                TakeAppend(message);
                break;
            case MessageType.Heartbeat:
                Log.CommitTo(message.Commit);
                core.Send(Answer(message, MessageType.HeartbeatResponse) with { Context = message.Context });
                break;
            case MessageType.Snapshot:
                TakeSnapshot(message, message.Snapshot!);
                break;
        }
    }

    private void TakeAppend(Message message)
    {
        var answer = Answer(message, MessageType.AppendResponse);
        if (message.Index < Log.Committed)
        {
            // Old news: what is committed agrees with every leader's log, so say how far that is.
            core.Send(answer with { Index = Log.Committed });
            return;
        }
        if (Log.TryAppend(message.Index, message.LogTerm, message.Entries))
        {
            // Not beyond what this message vouches for: further entries of ours may be of another leader.
            var last = message.Index + (ulong)message.Entries.Count;
            Log.CommitTo(Math.Min(message.Commit, last));
            core.Send(answer with { Index = last });
            return;
        }
        var (hint, term) = Log.LastPossibleMatch(Math.Min(message.Index, Log.LastIndex), message.LogTerm);
        core.Send(answer with { Index = message.Index, Reject = true, RejectHint = hint, LogTerm = term });
    }

    private void TakeSnapshot(Message message, SnapshotMetadata snapshot)
    {
        if (snapshot.Index > Log.Committed)
        {
            // If we have it all as entries it is cheaper to go on from them.
            if (Log.Matches(snapshot.Index, snapshot.Term))
                Log.CommitTo(snapshot.Index);
            else
                Log.Restore(snapshot);
        }
        core.Send(Answer(message, MessageType.AppendResponse) with { Index = Log.Committed });
    }

    private Message Answer(Message message, MessageType type) =>
        new() { Type = type, From = core.Id, To = message.From, Term = core.Term };
}
