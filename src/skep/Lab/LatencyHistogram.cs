namespace Skep.Cli.Lab;

/// <summary>Durations from 10 µs to some 160 s in buckets 4.4 % apart, which is how exact its answers are (the greatest is exact). Thread-safe.</summary>
internal sealed class LatencyHistogram
{
    private const int BucketsPerDoubling = 16;
    private const int Doublings = 24;
    private static readonly TimeSpan Least = TimeSpan.FromMicroseconds(10);

    private readonly long[] _buckets = new long[BucketsPerDoubling * Doublings];
    private long _maxTicks;

    public long Count => _buckets.Sum();

    public TimeSpan Max => TimeSpan.FromTicks(Interlocked.Read(ref _maxTicks));

    public void Add(TimeSpan duration)
    {
        var bucket = duration <= Least ? 0 : (int)(Math.Log2(duration / Least) * BucketsPerDoubling);
        Interlocked.Increment(ref _buckets[Math.Min(bucket, _buckets.Length - 1)]);
        for (var max = _maxTicks; duration.Ticks > max;)
            max = Interlocked.CompareExchange(ref _maxTicks, duration.Ticks, max) is var seen && seen == max ? duration.Ticks : seen;
    }

    /// <summary>The duration that this share of all (0 to 1) does not exceed; zero when there is none.</summary>
    public TimeSpan Quantile(double share)
    {
        var left = (long)Math.Ceiling(Count * share);
        if (left == 0)
            return TimeSpan.Zero;
        for (var i = 0; i < _buckets.Length; i++)
        {
            left -= Interlocked.Read(ref _buckets[i]);
            if (left <= 0)
                return Smaller(Least * Math.Pow(2, (i + 1.0) / BucketsPerDoubling), Max);
        }
        return Max;
    }

    private static TimeSpan Smaller(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
