using Prometheus;

namespace Skep.Log;

/// <summary>What the log tells Prometheus. One process holds one log, so the metrics have no labels.</summary>
internal static class LogMetrics
{
    public static readonly Histogram FsyncSeconds = Metrics.CreateHistogram(
        "skep_log_fsync_seconds",
        "Duration of one sync of the write-ahead log.",
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.0001, 2, 16) });

    public static readonly Counter AppendedBytes = Metrics.CreateCounter("skep_log_appended_bytes_total", "Bytes appended to the write-ahead log.");

    public static readonly Gauge WalBytes = Metrics.CreateGauge("skep_log_wal_bytes", "Size of the write-ahead log on disk.");

    public static readonly Counter EntriesCommitted = Metrics.CreateCounter("skep_log_entries_committed_total", "Raft entries learnt to be committed.");

    public static readonly Counter EntriesApplied = Metrics.CreateCounter("skep_log_entries_applied_total", "Raft entries applied to the state machine.");

    public static readonly Counter ProposalsRefused = Metrics.CreateCounter("skep_log_proposals_refused_total", "Proposals that were not committed, as far as known.");

    public static readonly Histogram SnapshotSeconds = Metrics.CreateHistogram(
        "skep_log_snapshot_seconds",
        "Duration of writing one snapshot in the background.",
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 2, 16) });

    public static readonly Gauge SnapshotBytes = Metrics.CreateGauge("skep_log_snapshot_bytes", "Size of the newest snapshot on disk.");

    public static readonly Counter SnapshotFailures = Metrics.CreateCounter("skep_log_snapshot_failures_total", "Snapshots that could not be written.");
}
