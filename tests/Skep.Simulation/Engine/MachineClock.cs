namespace Skep.Simulation.Engine;

/// <summary>The clock of one machine: runs a little too fast or too slow, and its wall time may jump. It outlives the processes that read it.</summary>
internal sealed class MachineClock(EventLoop loop, double rate)
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private TimeSpan _offset;

    /// <summary>What never goes backwards, in 100 ns.</summary>
    public long Monotonic => (long)(loop.Ticks * rate);

    public DateTimeOffset Wall => Beginning.AddTicks(Monotonic) + _offset;

    public void Jump(TimeSpan by) => _offset += by;

    /// <summary>The clock as one process sees it; its timers die with it.</summary>
    public TimeProvider ForProcess(Func<bool> isAlive) => new ProcessTime(this, isAlive);

    private sealed class ProcessTime(MachineClock clock, Func<bool> isAlive) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => clock.Monotonic;

        public override DateTimeOffset GetUtcNow() => clock.Wall;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(clock, isAlive, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class Timer(MachineClock clock, Func<bool> isAlive, TimerCallback callback, object? state) : ITimer
    {
        private readonly MachineClock _clock = clock;
        private int _version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _version++;
            if (dueTime != System.Threading.Timeout.InfiniteTimeSpan)
                Schedule(dueTime, period, _version);
            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Schedule(TimeSpan dueTime, TimeSpan period, int version) => _clock.After(dueTime, () =>
        {
            if (version != _version || !isAlive())
                return;
            if (period > TimeSpan.Zero)
                Schedule(period, period, version);
            callback(state);
        });
    }

    // Rounded up: what was waited for is due by this clock when the timer fires.
    private void After(TimeSpan delay, Action action) => loop.After((long)Math.Ceiling(delay.Ticks / rate), action);
}
