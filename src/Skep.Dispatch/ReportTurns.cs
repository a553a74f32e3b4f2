namespace Skep.Dispatch;

/// <summary>
/// Lets few engines report at a time. An engine tells of each task in a call of its own and waits for the answer, so whoever answers thousands at once has
/// thousands of calls before him a moment later, and all else waits behind them: heartbeats, a small service's report, a reader of the API. So answers
/// wait here for their turns: an engine has the word from its answer until it calls again, or for a short time if it has no more to say.
/// </summary>
internal sealed class ReportTurns : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<(NodeSession Session, TaskCompletionSource Turn)> _waiting = [];
    private readonly Queue<(NodeSession Session, long Since)> _speaking = [];
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private int _free;
    private bool _isOver;

    /// <param name="places">Engines that have the word at a time.</param>
    /// <param name="patience">How long an engine that does not call again keeps it.</param>
    /// <param name="time">The clock.</param>
    public ReportTurns(int places, TimeSpan patience, TimeProvider time)
    {
        (_free, _patience, _time) = (places, patience, time);
        _timer = time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
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
            var now = _time.GetTimestamp();
            if (session.SpeaksSince is not null)
                _free++;
            session.SpeaksSince = null;
            EndSilent(now);
            next = Next(now);
            turn = isUrgent || _isOver ? Task.CompletedTask : TurnOf(session, now);
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

    private Task TurnOf(NodeSession session, long now)
    {
        if (_free > 0)
        {
            Begin(session, now);
            return Task.CompletedTask;
        }
        var turn = new TaskCompletionSource();
        _waiting.Enqueue((session, turn));
        if (_waiting.Count == 1)
            _timer.Change(_patience, Timeout.InfiniteTimeSpan);
        return turn.Task;
    }

    private void Begin(NodeSession session, long now)
    {
        _free--;
        session.SpeaksSince = now;
        _speaking.Enqueue((session, now));
    }

    private TaskCompletionSource? Next(long now)
    {
        if (_free <= 0 || !_waiting.TryDequeue(out var next))
            return null;
        Begin(next.Session, now);
        return next.Turn;
    }

    /// <summary>Whoever has had the word for long has nothing more to say.</summary>
    private void EndSilent(long now)
    {
        while (_speaking.TryPeek(out var first) && (first.Session.SpeaksSince != first.Since || _time.GetElapsedTime(first.Since, now) >= _patience))
        {
            _speaking.Dequeue();
            if (first.Session.SpeaksSince != first.Since)
                continue;
            first.Session.SpeaksSince = null;
            _free++;
        }
    }

    private void OnTimer()
    {
        var turns = new List<TaskCompletionSource>();
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            EndSilent(now);
            while (Next(now) is { } next)
                turns.Add(next);
            if (_waiting.Count > 0)
                _timer.Change(_patience, Timeout.InfiniteTimeSpan);
        }
        foreach (var turn in turns)
            turn.SetResult();
    }
}
