namespace Skep.Agent;

/// <summary>How long a node waits before its next session: a chance moment within a range that doubles with each failure, up to 8 s.</summary>
/// <param name="random">Chooses the moment.</param>
public sealed class SessionBackoff(Random random)
{
    private static readonly TimeSpan Initial = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(8);

    /// <summary>The range at present; zero after a session that was registered.</summary>
    public TimeSpan Range { get; private set; }

    public void Failed() => Range = TimeSpan.FromTicks(Math.Min((Initial + (2 * Range)).Ticks, Most.Ticks));

    public void Registered() => Range = TimeSpan.Zero;

    public TimeSpan NextDelay() => Range * random.NextDouble();
}
