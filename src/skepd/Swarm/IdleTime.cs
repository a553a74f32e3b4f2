using System.Diagnostics;
using System.Globalization;

namespace Skep.Daemon.Swarm;

/// <summary>
/// Whether this machine's processors have time to spare, from Linux' /proc/stat. Where there is no such file, they have; and also when others keep them busy:
/// if this process has little to do, it is not because of its own callers that they wait.
/// </summary>
internal sealed class IdleTime
{
    /// <summary>Of the time of all processors.</summary>
    private const double Spare = 0.1;

    /// <summary>What this process takes of that time when it has little to do.</summary>
    private const double Little = 0.1;

    // cpu user nice system idle iowait irq softirq steal …, in hundredths of a second since the machine started.
    private const string Path = "/proc/stat";
    private const int Idle = 3;
    private const int WaitsForDisk = 4;
    private const int Figures = 8;

    private (long Idle, long All) _last = Read();
    private TimeSpan _lastOwn = Environment.CpuUsage.TotalTime;
    private long _lastAsked = Stopwatch.GetTimestamp();

    /// <summary>Whether some of the time since the last call was spared. Not thread-safe.</summary>
    public bool WasThere()
    {
        var now = Read();
        var isBusy = IsBusy();
        var (idle, all) = (now.Idle - _last.Idle, now.All - _last.All);
        _last = now;
        return !isBusy || (all <= 0 ? now.All == 0 : idle >= Spare * all);
    }

    private bool IsBusy()
    {
        var (own, asked) = (Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        var share = (own - _lastOwn) / (Stopwatch.GetElapsedTime(_lastAsked, asked) * Environment.ProcessorCount);
        (_lastOwn, _lastAsked) = (own, asked);
        return share > Little;
    }

    private static (long Idle, long All) Read()
    {
        try
        {
            using var lines = File.OpenText(Path);
            var figures = lines.ReadLine()!.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..(1 + Figures)].Select(figure => long.Parse(figure, CultureInfo.InvariantCulture)).ToList();
            return (figures[Idle] + figures[WaitsForDisk], figures.Sum());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or FormatException)
        {
            return default;
        }
    }
}
