namespace Skep.Simulation.Linearizability;

internal enum OperationKind
{
    Create,
    Read,
    Update,
    Remove,
}

internal enum Outcome
{
    /// <summary>It was done; for a read: this is what it saw.</summary>
    Done,

    /// <summary>Create: there is one of that name. Update: somebody else was first. Remove: never.</summary>
    Refused,

    /// <summary>There is no service of that id.</summary>
    NotFound,

    /// <summary>No answer: it may be done at any time from its call on, or never.</summary>
    Unknown,
}

/// <summary>What one service name holds: which service (named by the value it was created with) and its present value. Null: none.</summary>
internal sealed record ServiceValue(int Born, int Value);

/// <summary>One call of a client on one service name. Every value written is written once.</summary>
internal sealed class Operation
{
    public required OperationKind Kind { get; init; }

    public required string Key { get; init; }

    public required string Client { get; init; }

    /// <summary>Update, remove: what the client believed to change.</summary>
    public ServiceValue? Expected { get; init; }

    /// <summary>Create, update: the value written.</summary>
    public int Value { get; init; }

    /// <summary>Read: what it saw.</summary>
    public ServiceValue? Seen { get; set; }

    public Outcome Outcome { get; set; } = Outcome.Unknown;

    public override string ToString() => $"{Client} {Kind} {Key} {Expected?.ToString() ?? ""} {(Value == 0 ? "" : Value)} -> {Outcome} {Seen?.ToString() ?? ""}";

    /// <summary>The value after this operation, if it can take effect on <paramref name="before"/> with the outcome it had.</summary>
    public bool TryApply(ServiceValue? before, out ServiceValue? after)
    {
        after = before;
        switch (Kind, Outcome)
        {
            case (OperationKind.Read, _):
                return Outcome == Outcome.Done && Seen == before;
            case (OperationKind.Create, Outcome.Done or Outcome.Unknown):
                after = new ServiceValue(Value, Value);
                return before is null;
            case (OperationKind.Create, _):
                return before is not null;
            case (OperationKind.Update, Outcome.Done or Outcome.Unknown):
                after = Expected! with { Value = Value };
                return before == Expected;
            // The version changes more often than the value, so this says little.
            case (OperationKind.Update, Outcome.Refused):
                return before?.Born == Expected!.Born;
            case (OperationKind.Remove, Outcome.Done or Outcome.Unknown):
                after = null;
                return before?.Born == Expected!.Born;
            default:
                return before?.Born != Expected!.Born;
        }
    }
}
