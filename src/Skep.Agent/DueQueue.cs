namespace Skep.Agent;

/// <summary>Things that fall due, all on one timer: a timer for each of a million tasks would cost more than the tasks.</summary>
public sealed class DueQueue<T> : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<T, long> _queue = new();
    private readonly Action<T> _handle;
    private readonly TimeSpan _grain;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;

    /// <summary>When the timer goes off; <see cref="long.MaxValue"/> when it is not set.</summary>
    private long _next = long.MaxValue;

    /// <param name="handle">Is given each, once, at its time or up to the grain later.</param>
    /// <param name="grain">What is due within such a time is handled together: each time wakes threads, which costs more than what they do.</param>
    /// <param name="time">The clock.</param>
    public DueQueue(Action<T> handle, TimeSpan grain, TimeProvider time)
    {
        _grain = grain;
        ArgumentNullException.ThrowIfNull(time);
        _handle = handle;
        _time = time;
        _timer = time.CreateTimer(_ => HandleDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Add(T item, TimeSpan delay)
    {
        lock (_lock)
        {
            var due = _time.GetTimestamp() + (long)(delay.TotalSeconds * _time.TimestampFrequency);
            _queue.Enqueue(item, due);
            if (due < _next)
                Arm(due);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void HandleDue()
    {
        var due = new List<T>();
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            while (_queue.TryPeek(out _, out var at) && at <= now)
                due.Add(_queue.Dequeue());
            if (_queue.TryPeek(out _, out var next))
                Arm(next);
            else
                _next = long.MaxValue;
        }
        foreach (var item in due)
            _handle(item);
    }

    private void Arm(long due)
    {
        _next = due;
        var left = _time.GetElapsedTime(_time.GetTimestamp(), due);
        _timer.Change(left > _grain ? left : _grain, Timeout.InfiniteTimeSpan);
    }
}
