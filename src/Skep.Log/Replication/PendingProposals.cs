namespace Skep.Log;

/// <summary>Proposals that the core has accepted, by the place in the log they were given, until that place is applied.</summary>
internal sealed class PendingProposals
{
    private readonly Queue<(ulong Index, ulong Term, TaskCompletionSource<ulong> Completion, object? Note)> _queue = new();

    public int Count => _queue.Count;

    /// <summary>Within one term indexes rise. What waits from an earlier term has lost its leader, and may stand at a higher index than this one.</summary>
    public void Add(ulong index, ulong term, TaskCompletionSource<ulong> completion, object? note)
    {
        if (_queue.TryPeek(out var first) && first.Term != term)
            FailAll(LeadershipLost);
        _queue.Enqueue((index, term, completion, note));
    }

    public static ProposalDroppedException LeadershipLost() =>
        new("the raft leadership was lost before the outcome was known", outcomeUnknown: true);

    /// <summary>What was proposed together with the entry that is to be applied next; null for another's.</summary>
    public object? NoteOf(ulong index, ulong term)
    {
        foreach (var pending in _queue)
        {
            if (pending.Index >= index)
                return pending.Index == index && pending.Term == term ? pending.Note : null;
        }
        return null;
    }

    /// <summary>The entry at an index is applied.</summary>
    public void Applied(ulong index, ulong term)
    {
        while (_queue.TryPeek(out var first) && first.Index <= index)
        {
            _queue.Dequeue();
            if (first.Index == index && first.Term == term)
                first.Completion.TrySetResult(index);
            else
                Fail(first.Completion, new ProposalDroppedException($"the entry proposed at {first.Term}/{first.Index} was replaced by another leader's"));
        }
    }

    public void FailAll(Func<Exception> reason)
    {
        while (_queue.TryDequeue(out var pending))
            Fail(pending.Completion, reason());
    }

    /// <summary>Tells a proposer that it came to nothing.</summary>
    public static void Fail(TaskCompletionSource<ulong> completion, Exception reason)
    {
        LogMetrics.ProposalsRefused.Inc();
        completion.TrySetException(reason);
    }
}
