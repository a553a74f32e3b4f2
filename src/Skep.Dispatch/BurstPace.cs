namespace Skep.Dispatch;

/// <summary>
/// How long what is told of a burst waits for more of it. A burst is placed in many turns, and a message for each turn's one or two tasks of a node costs both
/// sides more than the tasks. So the time between two messages doubles while the burst goes on: short ones are told at once, long ones in few messages.
/// </summary>
/// <param name="first">Between the first two messages.</param>
/// <param name="longest">It grows to this.</param>
/// <param name="time">The clock.</param>
internal sealed class BurstPace(TimeSpan first, TimeSpan longest, TimeProvider time)
{
    private long _last = time.GetTimestamp();
    private TimeSpan _interval = TimeSpan.Zero;

    /// <summary>How long the next message waits still; not above zero: it need not.</summary>
    public TimeSpan Left => _interval - time.GetElapsedTime(_last);

    /// <summary>A message goes out.</summary>
    public void Sent()
    {
        _interval = time.GetElapsedTime(_last) > 2 * longest || _interval == TimeSpan.Zero ? first : 2 * _interval < longest ? 2 * _interval : longest;
        _last = time.GetTimestamp();
    }
}
