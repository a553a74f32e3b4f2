using Skep.Simulation.Managers;

namespace Skep.Simulation.Invariants;

/// <summary>Once everything has come right, the logs hold the same entries as far as they overlap.</summary>
internal static class EqualLogs
{
    public static string? FindDifference(IReadOnlyList<ManagerHost> managers)
    {
        var first = managers[0].Process!;
        foreach (var other in managers.Skip(1))
        {
            var (a, b) = (first.Log, other.Process!.Log);
            // What is not applied by both may still be under way.
            var hi = Math.Min(first.Loop.LastApplied, other.Process!.Loop.LastApplied);
            var lo = Math.Max(a.FirstIndex, b.FirstIndex);
            if (lo > hi)
                continue;
            foreach (var (x, y) in a.Entries(lo, hi + 1, ulong.MaxValue).Zip(b.Entries(lo, hi + 1, ulong.MaxValue)))
            {
                if (x.Index != y.Index || x.Term != y.Term || x.Kind != y.Kind || !x.Data.Span.SequenceEqual(y.Data.Span))
                    return $"{managers[0].Name} and {other.Name} have different entries at {x.Index}";
            }
        }
        return null;
    }
}
