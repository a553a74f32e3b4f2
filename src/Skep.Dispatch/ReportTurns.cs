namespace Skep.Dispatch;

/// <summary>
/// Lets few engines report at a time while the machine has no time to spare. An engine tells of each task in a call of its own and waits for the answer, so
/// whoever answers thousands at once has thousands of calls before him a moment later, and all else waits behind them: a small service's report, a heartbeat,
/// a reader of the API. So answers wait here for their turns: an engine that has the word is answered at once, until it has said so much or falls silent.
/// What few say at a time is also cheaper to take: all that belongs to a connection is still in the processor's cache when its next call comes.
/// </summary>
internal sealed class ReportTurns : IDisposable
{
    /// <summary>How often is looked whether whoever has the word uses it, and whether the machine has time to spare.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan SpareInterval = TimeSpan.FromMilliseconds(30);

    /// <summary>Of the time that an answer's next call takes, so much is waited for it.</summary>
    private const int Patience = 4;

    /// <summary>The next call's time moves by so much with each that takes longer or shorter: it is then near to the middle one.</summary>
    private const double Step = 1.05;

    private static readonly TimeSpan ShortestGap = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestGap = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly Queue<(Speaker Speaker, TaskCompletionSource Turn)> _waiting = [];
    private readonly Queue<(Speaker Speaker, long Since)> _speaking = [];
    private readonly int _places;
    private readonly int _callsPerTurn;
    private readonly Func<bool> _hasTimeToSpare;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private int _free;
    private TimeSpan _gap = TimeSpan.FromMilliseconds(5);
    private long _spareAsked;
    private int _spare;
    private bool _isLooking;
    private bool _isOver;

    /// <param name="places">Engines that have the word at a time.</param>
    /// <param name="callsPerTurn">How often one of them is answered in a row.</param>
    /// <param name="hasTimeToSpare">Whether, since it was last asked, the machine was idle for a part of the time, or busy with others only.</param>
    /// <param name="time">The clock.</param>
    public ReportTurns(int places, int callsPerTurn, Func<bool> hasTimeToSpare, TimeProvider time)
    {
        (_places, _free, _callsPerTurn, _hasTimeToSpare, _time) = (places, places, callsPerTurn, hasTimeToSpare, time);
        _timer = time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>An engine has called; completes when it is to be answered.</summary>
    /// <param name="speaker">The engine's.</param>
    /// <param name="isUrgent">It is answered at once, whoever else waits.</param>
    public Task WaitAsync(Speaker speaker, bool isUrgent)
    {
        TaskCompletionSource? next;
        Task turn;
        lock (_lock)
        {
            NoteGap(speaker);
            EndSilent();
            var goesOn = GoesOn(speaker);
            next = Next();
            turn = goesOn || isUrgent || _isOver ? Task.CompletedTask : TurnOf(speaker);
        }
        // On this thread, as it does no more than to write an answer.
        next?.TrySetResult();
        return turn;
    }

    /// <summary>What the engine waits for is answered at once: it has something urgent to say next.</summary>
    public void Hurry(Speaker speaker)
    {
        TaskCompletionSource? turn;
        lock (_lock)
            turn = speaker.Turn;
        turn?.TrySetResult();
    }

    /// <summary>Nobody waits any more.</summary>
    public void Dispose()
    {
        (Speaker Speaker, TaskCompletionSource Turn)[] left;
        lock (_lock)
        {
            _isOver = true;
            left = [.. _waiting];
            _waiting.Clear();
        }
        _timer.Dispose();
        foreach (var (_, turn) in left)
            turn.TrySetResult();
    }

    /// <summary>Whether one who calls has the word and keeps it.</summary>
    private bool GoesOn(Speaker speaker)
    {
        if (speaker.SpeaksSince is null)
            return false;
        if (--speaker.CallsLeft > 0)
        {
            Speaks(speaker);
            return true;
        }
        speaker.SpeaksSince = null;
        _free++;
        return false;
    }

    private Task TurnOf(Speaker speaker)
    {
        if (_free > 0 && _waiting.Count == 0)
        {
            Begin(speaker);
            return Task.CompletedTask;
        }
        var turn = speaker.Turn = new TaskCompletionSource();
        _waiting.Enqueue((speaker, turn));
        if (!_isLooking)
        {
            (_isLooking, _spareAsked) = (true, _time.GetTimestamp());
            _ = _hasTimeToSpare();
            _timer.Change(Interval, Timeout.InfiniteTimeSpan);
        }
        return turn.Task;
    }

    private void Begin(Speaker speaker)
    {
        // One that has it already has two calls under way, perhaps of two connections one after the other. It has one place.
        if (speaker.SpeaksSince is null)
            _free--;
        speaker.CallsLeft = _callsPerTurn;
        Speaks(speaker);
    }

    private void Speaks(Speaker speaker)
    {
        var now = _time.GetTimestamp();
        speaker.SpeaksSince = speaker.AnsweredAt = now;
        _speaking.Enqueue((speaker, now));
    }

    /// <summary>
    /// Also of one who has lost the word meanwhile: or the more slowly all goes, the fewer would be found to be slow, and the more would be let speak.
    /// </summary>
    private void NoteGap(Speaker speaker)
    {
        if (speaker.AnsweredAt is not { } answered)
            return;
        speaker.AnsweredAt = null;
        _gap = _time.GetElapsedTime(answered) > _gap ? _gap * Step : _gap / Step;
        _gap = _gap < ShortestGap ? ShortestGap : _gap > LongestGap ? LongestGap : _gap;
    }

    private void EndSilent()
    {
        while (First() is { } first && _time.GetElapsedTime(first.SpeaksSince!.Value) >= Patience * _gap)
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

    private Speaker? First()
    {
        // Those who called again meanwhile stand here a second time, or no longer have the word.
        while (_speaking.TryPeek(out var first) && first.Speaker.SpeaksSince != first.Since)
            _speaking.Dequeue();
        return _speaking.TryPeek(out var longest) ? longest.Speaker : null;
    }

    private TaskCompletionSource? Next()
    {
        while (_free > 0 && _waiting.TryDequeue(out var next))
        {
            // One who was in a hurry has been answered.
            if (next.Turn.Task.IsCompleted)
                continue;
            Begin(next.Speaker);
            return next.Turn;
        }
        return null;
    }

    /// <summary>Whoever has the word and does not use it loses it; and while there is time to spare, which others could use, more and more of them get it.</summary>
    private void Look()
    {
        var turns = new List<TaskCompletionSource>();
        lock (_lock)
        {
            _isLooking = _waiting.Count > 0;
            if (!_isLooking || _isOver)
                return;
            EndSilent();
            var wanted = _free;
            if (_time.GetElapsedTime(_spareAsked) >= SpareInterval)
            {
                _spare = _hasTimeToSpare() ? Math.Max(_places, Math.Min(2 * _spare, _waiting.Count)) : 0;
                _spareAsked = _time.GetTimestamp();
                wanted = Math.Max(wanted, _spare);
            }
            while (turns.Count < wanted && (_free > 0 || EndFirst()) && Next() is { } next)
                turns.Add(next);
            _isLooking = _waiting.Count > 0;
            if (_isLooking)
                _timer.Change(Interval, Timeout.InfiniteTimeSpan);
        }
        foreach (var turn in turns)
            turn.TrySetResult();
    }

    /// <summary>An engine's session, as one that speaks here. What it holds is theirs.</summary>
    public sealed class Speaker
    {
        /// <summary>Since when it has had the word, as a timestamp; null: it has not.</summary>
        internal long? SpeaksSince { get; set; }

        /// <summary>When it had its last answer with the word, until it calls again.</summary>
        internal long? AnsweredAt { get; set; }

        /// <summary>How many calls of its turn are left while it has the word.</summary>
        internal int CallsLeft { get; set; }

        /// <summary>What its last call that had to wait waits for, or has waited for.</summary>
        internal TaskCompletionSource? Turn { get; set; }
    }
}
