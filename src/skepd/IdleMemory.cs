namespace Skep.Daemon;

/// <summary>
/// Gives memory back once a burst is over: skepd shares its host with the containers, and .NET keeps a grown heap until it next
/// needs to collect, which an idle daemon never does.
/// </summary>
internal sealed class IdleMemory : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>Allocations of one interval that still count as quiet: heartbeats of some hundred nodes.</summary>
    private const long QuietBytes = 4 << 20;

    /// <summary>Allocated since the last time; less is not worth the trouble.</summary>
    private const long WorthBytes = 16 << 20;

    /// <summary>A larger heap holds a large cluster: collecting it whole would be felt (a millisecond for each MiB or so).</summary>
    private const long LargestHeapBytes = 256 << 20;

    private readonly ITimer _timer;
    private long _seen;
    private long _collectedAt;

    public IdleMemory(TimeProvider time) => _timer = time.CreateTimer(_ => Look(), null, Interval, Interval);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var allocated = GC.GetTotalAllocatedBytes();
        var quiet = allocated - _seen < QuietBytes;
        _seen = allocated;
        if (!quiet || allocated - _collectedAt < WorthBytes || GC.GetTotalMemory(forceFullCollection: false) > LargestHeapBytes)
            return;
        _collectedAt = allocated;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
