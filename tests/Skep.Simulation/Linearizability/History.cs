namespace Skep.Simulation.Linearizability;

/// <summary>Calls and returns of all clients, in the order in which they happened.</summary>
internal sealed class History
{
    private readonly List<(Operation? Operation, EventKind Kind)> _events = [];

    public IReadOnlyList<(Operation? Operation, EventKind Kind)> Events => _events;

    /// <summary>Operations called so far.</summary>
    public int Count { get; private set; }

    public void Called(Operation operation)
    {
        Count++;
        _events.Add((operation, EventKind.Call));
    }

    /// <summary>An answer came. Without one nothing is noted: the operation may take effect later.</summary>
    public void Returned(Operation operation) => _events.Add((operation, EventKind.Return));

    /// <summary>Nothing is under way any more: what has no effect by now never will.</summary>
    public void Settled() => _events.Add((null, EventKind.Settled));
}

internal enum EventKind
{
    Call,
    Return,
    Settled,
}
