using System.Globalization;

namespace Skep.Cli.Plan;

/// <summary>How the planner writes quantities for people.</summary>
internal static class Words
{
    public static string Of(FailureKind kind) => kind switch
    {
        FailureKind.Manager => "one manager",
        FailureKind.TwoManagers => "two managers",
        FailureKind.Site => "one site",
        FailureKind.SiteAndManager => "site and manager",
        FailureKind.TwoSites => "two sites",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>yes, no, some of all, or a dash when there is nothing to fail.</summary>
    public static string Of(Survival survival) => survival switch
    {
        { Cases: 0 } => "-",
        { Always: true } => "yes",
        { Survived: 0 } => "no",
        _ => $"{survival.Survived} of {survival.Cases}",
    };

    public static string Milliseconds(TimeSpan time) => Number(time.TotalMilliseconds, time.TotalMilliseconds < 10 ? "0.0#" : "0") + " ms";

    public static string P50AndP99(CommitLatency? latency) => latency is { } l ? $"{Number(l.P50.TotalMilliseconds, "0.0")}/{Number(l.P99.TotalMilliseconds, "0.0")}" : "-";

    public static string Seconds(double seconds) => Number(seconds, seconds < 1 ? "0.00" : seconds < 10 ? "0.0" : "0") + " s";

    /// <summary>In decimal units, as disks and links are sold.</summary>
    public static string Bytes(double bytes) => bytes switch
    {
        >= 1e9 => Number(bytes / 1e9, "0.0") + " GB",
        >= 1e6 => Number(bytes / 1e6, "0") + " MB",
        >= 1e3 => Number(bytes / 1e3, "0") + " kB",
        _ => Number(bytes, "0") + " B",
    };

    public static string Cores(double cores) => Number(cores, cores < 10 ? "0.00" : "0.0");

    public static string Number(double value, string format = "#,##0.##") => value.ToString(format, CultureInfo.InvariantCulture);
}
