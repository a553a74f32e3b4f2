namespace Skep.Manager;

/// <summary>
/// The time of the log as one leader goes on with it: never before what the log says already, and never standing still. An earlier leader's clock may have
/// been ahead; were the wall clock alone asked then, nothing would become due until it has caught up.
/// </summary>
internal sealed class TermClock
{
    private readonly TimeProvider _time;
    private DateTimeOffset _now;
    private long _readAt;

    /// <param name="time">The manager's clock.</param>
    /// <param name="begin">The time of the last entry in the log.</param>
    public TermClock(TimeProvider time, DateTimeOffset begin)
    {
        _time = time;
        _now = begin;
        _readAt = time.GetTimestamp();
    }

    public DateTimeOffset Now()
    {
        var timestamp = _time.GetTimestamp();
        _now += _time.GetElapsedTime(_readAt, timestamp);
        _readAt = timestamp;
        var wall = _time.GetUtcNow();
        if (wall > _now)
            _now = wall;
        return _now;
    }
}
