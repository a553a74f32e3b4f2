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
            if (a.LastIndex != b.LastIndex)
                return $"the log of {managers[0].Name} ends at {a.LastIndex}, that of {other.Name} at {b.LastIndex}";
            var lo = Math.Max(a.FirstIndex, b.FirstIndex);
            if (lo > a.LastIndex)
                continue;
            foreach (var (x, y) in a.Entries(lo, a.LastIndex + 1, ulong.MaxValue).Zip(b.Entries(lo, b.LastIndex + 1, ulong.MaxValue)))
            {
                if (x.Index != y.Index || x.Term != y.Term || x.Kind != y.Kind || !x.Data.Span.SequenceEqual(y.Data.Span))
                    return $"{managers[0].Name} and {other.Name} have different entries at {x.Index}";
            }
        }
        return null;
    }
}
