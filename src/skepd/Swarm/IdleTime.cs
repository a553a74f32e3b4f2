using System.Globalization;

namespace Skep.Daemon.Swarm;

/// <summary>Whether this machine's processors have time to spare, from Linux' /proc/stat. Where there is no such file, they have.</summary>
internal sealed class IdleTime
{
    /// <summary>Of the time of all processors.</summary>
    private const double Spare = 0.1;

    // cpu user nice system idle iowait irq softirq steal …, in hundredths of a second since the machine started.
    private const string Path = "/proc/stat";
    private const int Idle = 3;
    private const int WaitsForDisk = 4;
    private const int Figures = 8;

    private (long Idle, long All) _last = Read();

    /// <summary>Whether some of the time since the last call was spared. Not thread-safe.</summary>
    public bool WasThere()
    {
        var now = Read();
        var (idle, all) = (now.Idle - _last.Idle, now.All - _last.All);
        _last = now;
        return all <= 0 ? now.All == 0 : idle >= Spare * all;
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
