using Prometheus;

namespace Skep.Manager;

/// <summary>The loop's figures. Names: docs/metrics.md.</summary>
internal static class ManagerMetrics
{
    public static readonly Histogram TurnSeconds = Metrics.CreateHistogram("skep_loop_turn_seconds", "Time that one turn of the manager loop took.",
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.0001, 2, 14) });

    public static readonly Counter Inputs = Metrics.CreateCounter("skep_loop_inputs_total", "Inputs taken by the manager loop.");

    public static readonly Counter Mutations = Metrics.CreateCounter("skep_loop_mutations_total", "Mutations made by the manager loop.");

    public static readonly Gauge InputsWaiting = Metrics.CreateGauge("skep_loop_inputs_waiting", "Inputs that wait for the manager loop.");
}
