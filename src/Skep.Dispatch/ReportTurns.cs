namespace Skep.Dispatch;

/// <summary>
/// Lets few engines report at a time while the machine has no time to spare. An engine tells of each task in a call of its own and waits for the answer, so
/// whoever answers thousands at once has thousands of calls before him a moment later, and all else waits behind them: a small service's report, a heartbeat,
/// a reader of the API. So answers wait here for their turns: an engine has the word from its answer until it calls again.
/// </summary>
internal sealed class ReportTurns : IDisposable
{
    /// <summary>How often is looked whether there is time to spare.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(30);

    /// <summary>An engine that does not call again for so long has nothing more to say.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Queue<(NodeSession Session, TaskCompletionSource Turn)> _waiting = [];
    private readonly Queue<(NodeSession Session, long Since)> _speaking = [];
    private readonly int _places;
    private readonly Func<bool> _hasTimeToSpare;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private int _free;
    private int _spare;
    private bool _isLooking;
    private bool _isOver;

    /// <param name="places">Engines that have the word at a time.</param>
    /// <param name="hasTimeToSpare">Whether the machine was idle for a part of the time since it was last asked.</param>
    /// <param name="time">The clock.</param>
    public ReportTurns(int places, Func<bool> hasTimeToSpare, TimeProvider time)
    {
        (_places, _free, _hasTimeToSpare, _time) = (places, places, hasTimeToSpare, time);
        _timer = time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>An engine has called; completes when it is to be answered.</summary>
    /// <param name="session">The engine's.</param>
    /// <param name="isUrgent">It is answered at once, whoever else waits.</param>
    public Task WaitAsync(NodeSession session, bool isUrgent)
    {
        TaskCompletionSource? next;
        Task turn;
        lock (_lock)
        {
            if (session.SpeaksSince is not null)
                _free++;
            session.SpeaksSince = null;
            EndSilent();
            next = Next();
            turn = isUrgent || _isOver ? Task.CompletedTask : TurnOf(session);
        }
        // On this thread, as it does no more than to write an answer.
        next?.SetResult();
        return turn;
    }

    /// <summary>Nobody waits any more.</summary>
    public void Dispose()
    {
        (NodeSession Session, TaskCompletionSource Turn)[] left;
        lock (_lock)
        {
            _isOver = true;
            left = [.. _waiting];
            _waiting.Clear();
        }
        _timer.Dispose();
        foreach (var (_, turn) in left)
            turn.SetResult();
    }

    private Task TurnOf(NodeSession session)
    {
        if (_free > 0 && _waiting.Count == 0)
        {
            Begin(session);
            return Task.CompletedTask;
        }
        var turn = new TaskCompletionSource();
        _waiting.Enqueue((session, turn));
        if (!_isLooking)
        {
            _isLooking = true;
            _ = _hasTimeToSpare();
            _timer.Change(Interval, Timeout.InfiniteTimeSpan);
        }
        return turn.Task;
    }

    private void Begin(NodeSession session)
    {
        // One that has it already has two calls under way, perhaps of two connections one after the other. It has one place.
        if (session.SpeaksSince is null)
            _free--;
        var now = _time.GetTimestamp();
        session.SpeaksSince = now;
        _speaking.Enqueue((session, now));
    }

    private void EndSilent()
    {
        while (First() is { } first && _time.GetElapsedTime(first.SpeaksSince!.Value) >= Patience)
            EndFirst();
    }

    /// <summary>Takes the word from the one who has had it longest.</summary>
    private bool EndFirst()
    {
        if (First() is not { } first)
            return false;
        first.SpeaksSince = null;
        _free++;
        return true;
    }

    private NodeSession? First()
    {
        // Those who called again meanwhile stand here a second time, or no longer have the word.
        while (_speaking.TryPeek(out var first) && first.Session.SpeaksSince != first.Since)
            _speaking.Dequeue();
        return _speaking.TryPeek(out var longest) ? longest.Session : null;
    }

    private TaskCompletionSource? Next()
    {
        if (_free <= 0 || !_waiting.TryDequeue(out var next))
            return null;
        Begin(next.Session);
        return next.Turn;
    }

    /// <summary>
    /// Whoever has the word and does not use it loses it: everybody after a while; and while there is time to spare, which the others could use, more and
    /// more of them.
    /// </summary>
    private void Look()
    {
        var turns = new List<TaskCompletionSource>();
        lock (_lock)
        {
            _isLooking = _waiting.Count > 0;
            if (!_isLooking || _isOver)
                return;
            _spare = _hasTimeToSpare() ? Math.Max(_places, Math.Min(2 * _spare, _waiting.Count)) : 0;
            EndSilent();
            while ((turns.Count < _spare && EndFirst()) || _free > 0)
            {
                if (Next() is not { } next)
                    break;
                turns.Add(next);
            }
            _isLooking = _waiting.Count > 0;
            if (_isLooking)
                _timer.Change(Interval, Timeout.InfiniteTimeSpan);
        }
        foreach (var turn in turns)
            turn.SetResult();
    }
}
