using Skep.Manager.Nodes;

namespace Skep.Dispatch;

/// <summary>Times and limits of the dispatcher. The defaults are stock's unless said otherwise.</summary>
public sealed record DispatchOptions
{
    /// <summary>Heartbeat periods vary by this much either way, so that thousands of nodes do not beat at once.</summary>
    public TimeSpan HeartbeatJitter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>See <see cref="Heartbeats.GraceFactor"/>.</summary>
    public int GraceFactor { get; init; } = Heartbeats.GraceFactor;

    /// <summary>How long a node whose last words were not read yet, when they were due, still counts as alive; then one looks again.</summary>
    public TimeSpan UnreadPatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A report to the leader that failed is repeated after this time, then after twice as much, …</summary>
    public TimeSpan FirstRepeat { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>… up to this.</summary>
    public TimeSpan LastRepeat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node that wants its assignments waits for a leader to say what is committed.</summary>
    public TimeSpan BarrierPatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Most nodes that one manager sends to others in a second: each costs a registration and a whole assignment there.</summary>
    public int MaxMovesPerSecond { get; init; } = 100;

    /// <summary>A node that was sent to another manager stays there at least this long, whatever its share.</summary>
    public TimeSpan TimeBetweenMoves { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Most task statuses in one input to the leader: half of what a turn of its loop takes in, since an input is taken in whole.</summary>
    public int MaxStatusesPerInput { get; init; } = 2_000;

    /// <summary>More than <see cref="MaxRegistrations"/> sessions of one node within this time are refused.</summary>
    public TimeSpan RegistrationWindow { get; init; } = TimeSpan.FromSeconds(8);

    public int MaxRegistrations { get; init; } = 3;

    /// <summary>How long changes are gathered before a node is told (stock: 100 ms).</summary>
    public TimeSpan AssignmentBatching { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest time from one message to a node to the next while it is told of a burst, see <see cref="BurstPace"/>; small services' tasks do not wait for it.</summary>
    public TimeSpan BurstInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Most changes in one assignments message; the rest follows in the next.</summary>
    public int MaxChangesPerMessage { get; init; } = 500;

    /// <summary>How long statuses are gathered before the loop gets them (stock: 100 ms).</summary>
    public TimeSpan StatusBatching { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>The same for those of small services: few come, and somebody waits for each.</summary>
    public TimeSpan UrgentStatusBatching { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Engines that report at a time when all do, see <see cref="ReportTurns"/>: enough to keep the processors busy, few enough for their caches.</summary>
    public int ReportsAtATime { get; init; } = 16;

    /// <summary>Reports in a row of each of them.</summary>
    public int ReportsPerTurn { get; init; } = 64;

    /// <summary>Most readers of service logs at a time: each takes one stream of every engine it asks, beside the session's own few.</summary>
    public int MaxLogReaders { get; init; } = 64;

    /// <summary>How long a reader that does not follow waits for the first word of a node that was asked.</summary>
    public TimeSpan LogPatience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a reader of logs waits for another manager to say which nodes it asks.</summary>
    public TimeSpan PeerPatience { get; init; } = TimeSpan.FromSeconds(10);
}
