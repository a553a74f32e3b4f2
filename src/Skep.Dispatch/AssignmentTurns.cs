namespace Skep.Dispatch;

/// <summary>
/// When which stream makes its next message: a while after its news came, so that one message has more of it (see <see cref="BurstPace"/>); few streams at a
/// time, in the order of their times; urgent news first.
/// </summary>
/// <remarks>
/// One change of the leader's may concern thousands of nodes. With a timer and a wake-up of its own for each, 5,000 work items stood in the thread pool's queue
/// at once, and lists and heartbeats behind them. So all streams have one timer, and no more of them wake up than may work.
/// </remarks>
internal sealed class AssignmentTurns : IDisposable
{
    /// <summary>How exact the times are, and how long urgent news waits for more.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    private readonly TimeSpan _batching;
    private readonly TimeSpan _burstInterval;
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly Lock _lock = new();
    private readonly PriorityQueue<Place, (TimeSpan Due, long Number)> _later = new();
    private readonly Queue<Place> _ready = [];
    private readonly Queue<Place> _urgent = [];
    private readonly ITimer _timer;
    private TimeSpan? _wakeAt; // null: the timer is off
    private long _places;
    private int _free;

    /// <param name="atATime">How many streams work at a time.</param>
    /// <param name="batching">How long news waits for more.</param>
    /// <param name="burstInterval">Longest time from one message of a stream to its next.</param>
    /// <param name="time">The clock.</param>
    public AssignmentTurns(int atATime, TimeSpan batching, TimeSpan burstInterval, TimeProvider time)
    {
        (_free, _batching, _burstInterval, _time) = (atATime, batching, burstInterval, time);
        _began = time.GetTimestamp();
        _timer = time.CreateTimer(static turns => ((AssignmentTurns)turns!).OnTime(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Visitor NewVisitor() => new(new BurstPace(_batching, _burstInterval, _time));

    /// <summary>The visitor has news.</summary>
    public void Note(Visitor visitor, bool isUrgent)
    {
        lock (_lock)
        {
            if (visitor.IsUrgent || (visitor.HasNews && !isUrgent))
                return;
            visitor.HasNews = true;
            visitor.IsUrgent = isUrgent;
            if (visitor.Turn is not null)
                Enqueue(visitor);
        }
    }

    /// <summary>Waits for the visitor's news and its turn. Whoever has a turn calls <see cref="LeaveAsync"/> soon, and waits for nothing meanwhile.</summary>
    /// <returns>False: <see cref="End"/> was called, and there is no turn.</returns>
    public Task<bool> WaitAsync(Visitor visitor)
    {
        lock (_lock)
        {
            if (visitor.HasEnded)
                return Task.FromResult(false);
            visitor.Turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (visitor.HasNews)
                Enqueue(visitor);
            return visitor.Turn.Task;
        }
    }

    /// <summary>Gives the turn back.</summary>
    /// <returns>Completes when whoever is next has his.</returns>
    public Task LeaveAsync()
    {
        lock (_lock)
        {
            _free++;
            if (_urgent.Count + _ready.Count == 0)
                return Task.CompletedTask;
        }
        // Woken up from here he would go on on this thread before all else that waits in the thread pool, then the one after him, for as long as there are any.
        return Task.Factory.StartNew(static turns => ((AssignmentTurns)turns!).AdmitNext(), this, CancellationToken.None, TaskCreationOptions.PreferFairness, TaskScheduler.Current);
    }

    /// <summary>The visitor waits no more.</summary>
    public void End(Visitor visitor)
    {
        lock (_lock)
        {
            visitor.HasEnded = true;
            visitor.Turn?.SetResult(false);
            visitor.Turn = null;
        }
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>Queues a visitor, or queues it anew because its news has become urgent.</summary>
    private void Enqueue(Visitor visitor)
    {
        var now = _time.GetElapsedTime(_began);
        var due = Step * Math.Ceiling((now + WaitOf(visitor)) / Step);
        visitor.Number = ++_places;
        _later.Enqueue(new Place(visitor, visitor.Number), (due, visitor.Number));
        if (_wakeAt is not { } wakeAt || due < wakeAt)
            Wake(due, now);
    }

    private TimeSpan WaitOf(Visitor visitor)
    {
        if (visitor.IsUrgent)
            return TimeSpan.Zero;
        var pace = visitor.Pace.Left;
        return pace > _batching ? pace : _batching;
    }

    private void Wake(TimeSpan due, TimeSpan now)
    {
        _wakeAt = due;
        _timer.Change(due > now ? due - now : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    private void OnTime()
    {
        lock (_lock)
        {
            _wakeAt = null;
            var now = _time.GetElapsedTime(_began);
            while (_later.TryPeek(out var place, out var order))
            {
                if (order.Due > now)
                {
                    Wake(order.Due, now);
                    break;
                }
                _later.Dequeue();
                (place.Visitor.IsUrgent ? _urgent : _ready).Enqueue(place);
            }
            Admit();
        }
    }

    private void AdmitNext()
    {
        lock (_lock)
            Admit();
    }

    private void Admit()
    {
        while (_free > 0 && (_urgent.TryDequeue(out var place) || _ready.TryDequeue(out place)))
        {
            var visitor = place.Visitor;
            if (visitor.Turn is not { } turn || place.Number != visitor.Number)
                continue;
            _free--;
            (visitor.Turn, visitor.HasNews, visitor.IsUrgent) = (null, false, false);
            visitor.Pace.Sent();
            turn.SetResult(true);
        }
    }

    /// <summary>A place in a queue; void if the visitor has a later one.</summary>
    private readonly record struct Place(Visitor Visitor, long Number);

    /// <summary>One who comes again and again, and waits once at a time. What it holds is the turns' own.</summary>
    internal sealed class Visitor(BurstPace pace)
    {
        public BurstPace Pace => pace;

        /// <summary>Null while it does not wait.</summary>
        public TaskCompletionSource<bool>? Turn { get; set; }

        public bool HasNews { get; set; }

        public bool IsUrgent { get; set; }

        public bool HasEnded { get; set; }

        /// <summary>Of its latest place.</summary>
        public long Number { get; set; }
    }
}
