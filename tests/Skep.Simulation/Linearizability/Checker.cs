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
        var pending = new Pending();
        var possible = new HashSet<Possibility> { new(null, 0) };
        for (var i = 0; i < events.Count; i++)
        {
            var (operation, kind) = events[i];
            // A read without an answer says nothing.
            if (operation is { Kind: OperationKind.Read, Outcome: Outcome.Unknown })
                continue;
            switch (kind)
            {
                case EventKind.Call:
                    pending.Add(operation!);
                    break;
                case EventKind.Return:
                    var mark = pending.Remove(operation!, out var marked);
                    possible = [.. Expand(marked, possible).Where(p => (p.Done & mark) != 0).Select(p => p with { Done = p.Done & ~mark })];
                    if (possible.Count == 0)
                        return i;
                    break;
                default:
                    // What has had no effect yet never will; what has had one is past.
                    possible = [.. Expand(pending.Clear(), possible).Select(p => p with { Done = 0 })];
                    break;
            }
        }
        return null;
    }

    // Every order in which some of the pending operations may have taken effect.
    private static HashSet<Possibility> Expand(IReadOnlyList<(Operation Operation, UInt128 Mark)> pending, HashSet<Possibility> possible)
    {
        var all = new HashSet<Possibility>(possible);
        var open = new Queue<Possibility>(possible);
        while (open.TryDequeue(out var one))
        {
            foreach (var (operation, mark) in pending)
            {
                if ((one.Done & mark) != 0 || !operation.TryApply(one.Value, out var after))
                    continue;
                var next = new Possibility(after, one.Done | mark);
                if (all.Add(next))
                    open.Enqueue(next);
            }
            if (all.Count > MaxPossibilities)
                throw new InvalidOperationException($"more than {MaxPossibilities} possible histories: use fewer clients or shorter rounds");
        }
        return all;
    }

    /// <param name="Value">What the name holds.</param>
    /// <param name="Done">The marks of those pending operations that have taken effect.</param>
    private readonly record struct Possibility(ServiceValue? Value, UInt128 Done);

    /// <summary>Operations under way, each with a bit of its own.</summary>
    private sealed class Pending
    {
        private readonly List<(Operation Operation, UInt128 Mark)> _operations = [];
        private UInt128 _used;

        public void Add(Operation operation)
        {
            var free = ~_used & (_used + 1);
            if (free == 0)
                throw new InvalidOperationException("more than 128 operations without an answer: use shorter rounds");
            _used |= free;
            _operations.Add((operation, free));
        }

        /// <summary>Takes one out. Gives its mark, and all as they were with it.</summary>
        public UInt128 Remove(Operation operation, out IReadOnlyList<(Operation Operation, UInt128 Mark)> before)
        {
            before = [.. _operations];
            var at = _operations.FindIndex(o => o.Operation == operation);
            var mark = _operations[at].Mark;
            _operations.RemoveAt(at);
            _used &= ~mark;
            return mark;
        }

        /// <summary>Takes all out, and gives them.</summary>
        public IReadOnlyList<(Operation Operation, UInt128 Mark)> Clear()
        {
            var all = _operations.ToList();
            _operations.Clear();
            _used = 0;
            return all;
        }
    }
}
