namespace Skep.Raft;

/// <summary>
/// Ticks since we last heard of a leader (on a leader: since it last looked whether it still has a quorum). The time-out is drawn
/// anew each time, so that members who stood at the same moment do not do so again.
/// </summary>
internal sealed class ElectionTimer
{
    private readonly int _ticks;
    private readonly Random _random;
    private int _elapsed;
    private int _timeout;

    public ElectionTimer(RaftConfig config)
    {
        _ticks = config.ElectionTicks;
        // The id goes in so that members given the same seed by mistake still differ.
        _random = new Random(unchecked(config.Seed ^ (int)((config.Id * 0x9E3779B97F4A7C15) >> 32)));
        Reset();
    }

    /// <summary>Past the random time-out: stand for election.</summary>
    public bool Expired => _elapsed >= _timeout;

    /// <summary>Past the shortest time-out any member may have.</summary>
    public bool MinimumPassed => _elapsed >= _ticks;

    public void Tick() => _elapsed++;

    public void Restart() => _elapsed = 0;

    /// <summary>Not to wait much longer: at most so many ticks, drawn anew, and never longer than before.</summary>
    public void Hurry(int ticks) => _elapsed = Math.Max(_elapsed, _timeout - 1 - _random.Next(ticks));

    /// <summary>Restarts with another time-out.</summary>
    public void Reset()
    {
        _elapsed = 0;
        _timeout = _ticks + _random.Next(_ticks);
    }
}
