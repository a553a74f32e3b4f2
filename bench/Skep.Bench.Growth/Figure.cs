using System.Globalization;

namespace Skep.Bench.Growth;

/// <summary>One figure that is shown at each size: a row of a table, a line of a plot.</summary>
/// <param name="Title">What it is, with its unit.</param>
/// <param name="Label">The same, short, at the end of its line.</param>
/// <param name="Of">Its value at a size; null when that was not measured.</param>
internal sealed record Figure(string Title, string Label, Func<Results, Size, double?> Of)
{
    private const double Micro = 1e6;

    // Of the whole. A task's costs are what the manager takes from the scale command on, a node's what it takes until then.
    public static readonly Figure TaskCpu = new("manager's CPU, us a task", "whole manager", (r, s) => r.LabBeyondLeast(s, "manager_cpu_burst_s") * Micro / s.Tasks);
    public static readonly Figure TaskLog = new("log, bytes a task", "log", (r, s) => r.LabBeyondLeast(s, "log_mb") * (1 << 20) / s.Tasks);
    public static readonly Figure Memory = new("manager's memory, peak, MB", "manager's memory", (r, s) => r.Lab(s, "manager_rss_mb"));
    public static readonly Figure Running = new("scale command to all RUNNING, s", "all RUNNING", (r, s) => r.Lab(s, "running_s"));
    public static readonly Figure Joined = new("nodes joined, s", "joined", (r, s) => r.Lab(s, "joined_s"));
    public static readonly Figure JoinCpu = new("manager's CPU, us a node that joins", "a node joins", (r, s) => (JoinSeconds(r, s) - JoinSeconds(r, Grid.Least)) * Micro / s.Nodes);
    public static readonly Figure IdleCpu = new("manager's CPU, us a minute for an idle node", "an idle node, a minute", (r, s) => r.LabBeyondLeast(s, "idle_manager_cpu_percent") / 100 * 60 * Micro / s.Nodes);

    // Of the parts.
    public static readonly Figure Schedule = Part("scheduled", "scheduling", "", "cpu_s");
    public static readonly Figure Apply = Part("applied: six changes", "state", "apply", "cpu_s");
    public static readonly Figure Encode = Part("encoded", "state", "encode", "cpu_s");
    public static readonly Figure Parse = Part("parsed", "state", "parse", "cpu_s");
    public static readonly Figure SnapshotWrite = Part("snapshot written", "state", "snapshot-write", "cpu_s");
    public static readonly Figure SnapshotRead = Part("snapshot read", "state", "snapshot-read", "cpu_s");
    public static readonly Figure Rebuild = Part("a new leader's rules", "state", "rebuild", "cpu_s");
    public static readonly Figure LogBytes = Part("log of a life", "state", "apply", "bytes");
    public static readonly Figure SnapshotBytes = Part("snapshot", "state", "snapshot-write", "bytes");
    public static readonly Figure MemoryBytes = Part("memory of the state", "state", "memory", "bytes");

    /// <summary>Two digits that count, never an exponent; a dash for what was not measured, or is so little that it is lost in what a start takes.</summary>
    public static string Text(double? value) => value > 0 && double.IsFinite(value.Value) ? Short(value.Value) : "–";

    private static string Short(double value)
    {
        var digits = Math.Clamp(1 - (int)Math.Floor(Math.Log10(value)), 0, 4);
        return value.ToString("#,##0." + new string('#', digits), CultureInfo.InvariantCulture);
    }

    private static Figure Part(string label, string bench, string part, string figure) => figure == "bytes"
        ? new(label + ", bytes a task", label, (r, s) => r.Part(s, bench, part, figure) / s.Tasks)
        : new(label + ", us of CPU a task", label, (r, s) => r.Part(s, bench, part, figure) * Micro / s.Tasks);

    // All that the manager took before the tasks came, without the time of idleness.
    private static double? JoinSeconds(Results results, Size size) =>
        results.Lab(size, "manager_cpu_s") - results.Lab(size, "manager_cpu_burst_s") - (results.Lab(size, "idle_manager_cpu_percent") / 100 * GrowthCase.IdleSeconds);
}
