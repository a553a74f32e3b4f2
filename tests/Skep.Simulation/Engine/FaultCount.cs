namespace Skep.Simulation.Engine;

/// <summary>How many faults of each kind were injected.</summary>
internal sealed class FaultCount
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, long> Counts => _counts;

    public void Add(string kind, long count = 1) => _counts[kind] = _counts.GetValueOrDefault(kind) + count;

    public void Add(FaultCount other)
    {
        foreach (var (kind, count) in other._counts)
            Add(kind, count);
    }
}
