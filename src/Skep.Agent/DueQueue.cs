namespace Skep.Agent;

/// <summary>
/// Things that fall due, all on one timer, in groups: a timer for each of a million tasks would cost more than the tasks, and so would a place for each in an
/// ordered queue.
/// </summary>
public sealed class DueQueue<T> : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, List<T>> _groups = []; // by the time when all of a group are due, in grains
    private readonly PriorityQueue<long, long> _times = new(); // of the groups
    private readonly Action<T> _handle;
    private readonly TimeSpan _grain;
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly ITimer _timer;

    /// <summary>When the timer goes off; <see cref="long.MaxValue"/> when it is not set.</summary>
    private long _next = long.MaxValue;

    /// <param name="handle">Is given each, once, at its time or up to the grain later.</param>
    /// <param name="grain">What is due within such a time is handled together: each time wakes threads, which costs more than what they do.</param>
    /// <param name="time">The clock.</param>
    public DueQueue(Action<T> handle, TimeSpan grain, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        (_handle, _grain, _time) = (handle, grain, time);
        _began = time.GetTimestamp();
        _timer = time.CreateTimer(_ => HandleDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Add(T item, TimeSpan delay)
    {
        lock (_lock)
        {
            var due = (long)Math.Ceiling((_time.GetElapsedTime(_began) + delay) / _grain);
            if (!_groups.TryGetValue(due, out var group))
            {
                _groups.Add(due, group = []);
                _times.Enqueue(due, due);
                if (due < _next)
                    Arm(due);
            }
            group.Add(item);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void HandleDue()
    {
        var due = new List<List<T>>();
        lock (_lock)
        {
            var now = _time.GetElapsedTime(_began);
            while (_times.TryPeek(out var at, out _) && at * _grain <= now)
            {
                due.Add(_groups[at]);
                _groups.Remove(at);
                _times.Dequeue();
            }
            if (_times.TryPeek(out var next, out _))
                Arm(next);
            else
                _next = long.MaxValue;
        }
        foreach (var group in due)
        {
            foreach (var item in group)
                _handle(item);
        }
    }

    private void Arm(long due)
    {
        _next = due;
        var left = (due * _grain) - _time.GetElapsedTime(_began);
        _timer.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }
}
