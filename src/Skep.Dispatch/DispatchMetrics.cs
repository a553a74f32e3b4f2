using Prometheus;

namespace Skep.Dispatch;

/// <summary>The dispatcher's figures. Names: docs/metrics.md.</summary>
internal static class DispatchMetrics
{
    public static readonly Gauge Sessions = Metrics.CreateGauge("skep_dispatch_sessions", "Nodes that hold a session with this manager.");

    public static readonly Counter LateHeartbeats = Metrics.CreateCounter("skep_dispatch_late_heartbeats_total", "Sessions that ended because no heartbeat came in time.");

    public static readonly Counter MovedSessions = Metrics.CreateCounter("skep_dispatch_moved_sessions_total", "Nodes that were sent to another manager because this one held more than its share.");

    public static readonly Counter Assignments = Metrics.CreateCounter("skep_dispatch_assignments_total", "Assignment changes sent to nodes.");

    public static readonly Counter Statuses = Metrics.CreateCounter("skep_dispatch_statuses_total", "Task statuses received from nodes.");

    public static readonly Gauge StatusesWaiting = Metrics.CreateGauge("skep_dispatch_statuses_waiting", "Task statuses that are answered and not yet committed.");

    public static readonly Gauge LogReaders = Metrics.CreateGauge("skep_dispatch_log_readers", "Readers of service logs.");
}
