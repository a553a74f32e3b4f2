using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skep.Bench;

/// <summary>One measured case: the median of its rounds. A line of a results file, as <c>bench/compare</c> reads it.</summary>
/// <param name="Bench">Which program measured.</param>
/// <param name="Case">Its name, which a later run has as well.</param>
/// <param name="Seconds">By the clock.</param>
/// <param name="CpuS">CPU seconds of the whole process, garbage collection included: what counts on a machine that does other things too.</param>
public sealed record Measurement(string Bench, string Case, double Seconds, double CpuS)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Things done in it (tasks, mutations).</summary>
    public long? Count { get; init; }

    /// <summary>Bytes written (log, snapshot).</summary>
    public long? Bytes { get; init; }

    /// <summary>Most memory that the process had in the case, in MB (10^6).</summary>
    public double? PeakMb { get; init; }

    public double? LongestTurnMs { get; init; }

    public string Machine { get; init; } = $"{Environment.ProcessorCount}x {ProcessorName()}";

    /// <summary>What else the machine did: its load average of the last minute.</summary>
    public double Load { get; init; } = double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    public string Commit { get; init; } = Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+').Last() ?? "";

    public string Date { get; init; } = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    public void AppendTo(FileInfo? file)
    {
        if (file is not null)
            File.AppendAllText(file.FullName, JsonSerializer.Serialize(this, Json) + "\n");
    }

    private static string ProcessorName() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "";
}

/// <summary>Time by the clock and by the CPU, added up over the parts of a round that count.</summary>
public sealed class Timing
{
    public double Seconds { get; private set; }

    public double CpuSeconds { get; private set; }

    /// <summary>The longest single part, in seconds.</summary>
    public double Longest { get; private set; }

    public T Of<T>(Func<T> work)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var began = Stopwatch.GetTimestamp();
        var result = work();
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Seconds += took;
        CpuSeconds += (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
        Longest = Math.Max(Longest, took);
        return result;
    }

    /// <summary>Does a round again and again, each with a clean heap, and returns the median by CPU; a first one only warms up.</summary>
    /// <remarks>The most memory that the process had counts from here on: what was needed to prepare the case is not its own.</remarks>
    public static (Timing Median, Timing Best) Rounds(int rounds, Action<Timing> round)
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        File.WriteAllText("/proc/self/clear_refs", "5"); // proc(5): resets the peak resident set size
        var timings = new List<Timing>();
        for (var i = 0; i <= rounds; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var timing = new Timing();
            round(timing);
            if (i > 0)
                timings.Add(timing);
        }
        timings.Sort((a, b) => a.CpuSeconds.CompareTo(b.CpuSeconds));
        return (timings[timings.Count / 2], timings.MinBy(t => t.Seconds)!);
    }
}
