using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>How long nodes may be silent, for those who watch them and for those who judge.</summary>
public static class Heartbeats
{
    /// <summary>A node is down after this many silent periods; twice as many while it must find a new manager.</summary>
    public const int GraceFactor = 3;

    private static readonly TimeSpan DefaultPeriod = TimeSpan.FromSeconds(5);

    /// <summary>docker swarm update --dispatcher-heartbeat; 5 s unless set.</summary>
    public static TimeSpan PeriodOf(ClusterState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.Cluster?.Spec?.Dispatcher?.HeartbeatPeriod?.ToTimeSpan() is { } period && period > TimeSpan.Zero ? period : DefaultPeriod;
    }

    /// <summary>How long a node may take to come to another manager when its own is gone.</summary>
    public static TimeSpan TimeToReturn(ClusterState state) => PeriodOf(state) * GraceFactor * 2;
}
