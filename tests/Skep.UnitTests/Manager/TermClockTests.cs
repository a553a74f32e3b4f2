using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Manager;

/// <summary>The time of a term of leadership.</summary>
public sealed class TermClockTests
{
    private static readonly DateTimeOffset Wall = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TwoClocks _time = new();

    [Fact]
    public void It_is_the_wall_clock_when_that_is_ahead_of_the_log() =>
        Assert.Equal(Wall, new TermClock(_time, Wall - TimeSpan.FromMinutes(1)).Now());

    [Fact]
    public void It_goes_on_from_the_log_when_an_earlier_leaders_clock_was_ahead()
    {
        var log = Wall + TimeSpan.FromHours(1);
        var clock = new TermClock(_time, log);
        Assert.Equal(log, clock.Now());
        // What is due in five seconds is due in five seconds, not in an hour.
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(log + TimeSpan.FromSeconds(5), clock.Now());
    }

    [Fact]
    public void It_follows_a_wall_clock_that_is_set_forward()
    {
        var clock = new TermClock(_time, Wall);
        clock.Now();
        _time.WallTime += TimeSpan.FromHours(1);
        Assert.Equal(Wall + TimeSpan.FromHours(1), clock.Now());
    }

    [Fact]
    public void It_goes_on_when_the_wall_clock_is_set_back()
    {
        var clock = new TermClock(_time, Wall);
        clock.Now();
        _time.WallTime -= TimeSpan.FromHours(1);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(Wall + TimeSpan.FromSeconds(5), clock.Now());
    }

    /// <summary>A wall clock that can be set, and one that only runs.</summary>
    private sealed class TwoClocks : TimeProvider
    {
        private long _elapsed;

        public DateTimeOffset WallTime { get; set; } = Wall;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan time)
        {
            WallTime += time;
            _elapsed += time.Ticks;
        }

        public override DateTimeOffset GetUtcNow() => WallTime;

        public override long GetTimestamp() => _elapsed;
    }
}
