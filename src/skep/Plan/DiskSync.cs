namespace Skep.Cli.Plan;

/// <summary>
/// How long a disk takes to make a write durable: never less than a floor, above it falling off exponentially, through the two figures that a
/// benchmark of the log prints.
/// </summary>
internal sealed record DiskSync(TimeSpan Median, TimeSpan P99)
{
    /// <summary>Always the same, for comparison with theory.</summary>
    public static DiskSync Exactly(TimeSpan time) => new(time, time);

    public TimeSpan Draw(Random random)
    {
        // Of an exponential, half lie below mean × ln 2 and 99 % below mean × ln 100.
        var mean = (P99 - Median) / (Math.Log(100) - Math.Log(2));
        var floor = Median - (mean * Math.Log(2));
        var drawn = floor - (mean * Math.Log(1 - random.NextDouble()));
        return drawn > TimeSpan.Zero ? drawn : TimeSpan.Zero;
    }
}
