namespace Skep.Simulation.Engine;

/// <summary>
/// How messages travel between machines (managers, engines, API clients, by number). A link may be cut one way; what is sent in
/// datagrams may be lost, doubled, delayed and overtaken. See <see cref="Connection"/> for what TCP makes of it.
/// </summary>
internal sealed class Network(EventLoop loop, Random random, FaultCount faults)
{
    private readonly HashSet<(int From, int To)> _cuts = [];

    /// <summary>Chance that a datagram is lost; the same again that it is doubled.</summary>
    public double Loss { get; set; }

    /// <summary>Chance that a message takes up to 100 times as long as others.</summary>
    public double Slowness { get; set; }

    /// <summary>Chance that a connection is reset when something has arrived on it: the answer is lost.</summary>
    public double Resets { get; set; }

    /// <summary>The shortest way, and how much longer another may be.</summary>
    public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(1);

    public bool IsQuiet => _cuts.Count == 0;

    public bool IsCut(int from, int to) => _cuts.Contains((from, to));

    /// <summary>Cuts one direction of one link.</summary>
    public void Cut(int from, int to) => _cuts.Add((from, to));

    public void Heal() => _cuts.Clear();

    public bool NextIsReset()
    {
        if (Resets == 0 || random.NextDouble() >= Resets)
            return false;
        faults.Add("connections reset");
        return true;
    }

    public TimeSpan NextDelay()
    {
        var delay = Latency.Ticks * (1 + random.NextDouble());
        if (Slowness > 0 && random.NextDouble() < Slowness)
        {
            faults.Add("delayed messages");
            delay *= 1 + random.Next(100);
        }
        return TimeSpan.FromTicks((long)delay);
    }

    /// <summary>Sends something that may get lost. False when the sender notices at once.</summary>
    public bool Send(int from, int to, Action deliver)
    {
        if (IsCut(from, to))
        {
            faults.Add("messages cut off");
            return false;
        }
        if (Loss > 0 && random.NextDouble() < Loss)
        {
            faults.Add("dropped messages");
            return true;
        }
        loop.After(NextDelay(), deliver);
        if (Loss > 0 && random.NextDouble() < Loss)
        {
            faults.Add("doubled messages");
            loop.After(NextDelay(), deliver);
        }
        return true;
    }
}
