namespace Skep.Cli.Lab.Experiments;

/// <summary>Exact quantiles of not too many durations, in milliseconds; null when there is none.</summary>
internal sealed record Latencies(double? P50, double? P99, double? Max)
{
    public static Latencies Of(IEnumerable<Point> points)
    {
        var sorted = points.Select(p => p.Value).Order().ToList();
        return sorted.Count == 0 ? new Latencies(null, null, null) : new Latencies(Quantile(sorted, 0.5), Quantile(sorted, 0.99), sorted[^1]);
    }

    /// <summary>The nearest rank: the least value that this share of all does not exceed.</summary>
    private static double Quantile(List<double> sorted, double share) => sorted[Math.Max(0, (int)Math.Ceiling(sorted.Count * share) - 1)];
}
