using System.Collections.Immutable;

namespace Skep.Simulation.Linearizability;

/// <summary>
/// Whether there is an order of the operations, each at one moment between its call and its return, that explains all answers. Follows the
/// history and keeps every possibility at once (just-in-time linearization: Wing and Gong 1993, Lowe 2017): a value, and which of the operations
/// that have not returned have taken effect. Equal possibilities are kept once. Names are independent of each other.
/// </summary>
internal static class Checker
{
    /// <summary>More possibilities at once are given up on.</summary>
    private const int MaxPossibilities = 20_000;

    /// <summary>The operation that cannot be explained with what was before it, or null.</summary>
    public static string? FindViolation(History history)
    {
        foreach (var key in history.Events.Where(e => e.Operation is not null).Select(e => e.Operation!.Key).Distinct())
        {
            var events = history.Events.Where(e => e.Operation is null || e.Operation.Key == key).ToList();
            if (Check(events) is { } at)
            {
                var before = events.Take(at + 1).Where(e => e.Operation is not null).TakeLast(30).Select(e => $"{e.Kind} {e.Operation}");
                return $"no order of the operations on {key} explains: {events[at].Operation}\n  {string.Join("\n  ", before)}";
            }
        }
        return null;
    }

    private static int? Check(List<(Operation? Operation, EventKind Kind)> events)
    {
        var pending = new List<Operation>();
        var possible = new HashSet<Possibility> { new(null, []) };
        for (var i = 0; i < events.Count; i++)
        {
            var (operation, kind) = events[i];
            switch (kind)
            {
                case EventKind.Call:
                    pending.Add(operation!);
                    break;
                case EventKind.Return:
                    possible = WithEffectOf(operation!, pending, possible);
                    pending.Remove(operation!);
                    if (possible.Count == 0)
                        return i;
                    break;
                default:
                    // What has had no effect yet never will; what has had one is past.
                    possible = Expand(pending, possible);
                    possible = [.. possible.Select(p => new Possibility(p.Value, []))];
                    pending.Clear();
                    break;
            }
        }
        return null;
    }

    // The possibilities in which the operation has taken effect by now.
    private static HashSet<Possibility> WithEffectOf(Operation operation, List<Operation> pending, HashSet<Possibility> possible)
    {
        HashSet<Possibility> result = [];
        foreach (var possibility in Expand(pending, possible))
        {
            if (possibility.Done.Contains(operation))
                result.Add(possibility with { Done = possibility.Done.Remove(operation) });
        }
        return result;
    }

    // Every order in which some of the pending operations may have taken effect.
    private static HashSet<Possibility> Expand(List<Operation> pending, HashSet<Possibility> possible)
    {
        var all = new HashSet<Possibility>(possible);
        var open = new Queue<Possibility>(possible);
        while (open.TryDequeue(out var one))
        {
            foreach (var operation in pending)
            {
                if (one.Done.Contains(operation) || !operation.TryApply(one.Value, out var after))
                    continue;
                var next = new Possibility(after, one.Done.Add(operation));
                if (all.Add(next))
                    open.Enqueue(next);
            }
            if (all.Count > MaxPossibilities)
                throw new InvalidOperationException($"more than {MaxPossibilities} possible histories: use fewer clients or shorter rounds");
        }
        return all;
    }

    private sealed record Possibility(ServiceValue? Value, ImmutableHashSet<Operation> Done)
    {
        public bool Equals(Possibility? other) => other is not null && Value == other.Value && Done.SetEquals(other.Done);

        public override int GetHashCode() => HashCode.Combine(Value, Done.Count);
    }
}
