namespace Skep.Cli.Plan;

/// <summary>What a <see cref="CostCheck"/> compares.</summary>
internal enum CheckedQuantity
{
    /// <summary>ms of CPU per node that joins.</summary>
    JoinMs,

    /// <summary>ms of CPU per task's life on a manager that is alone.</summary>
    StartMs,

    /// <summary>Cores that the leader takes at rest.</summary>
    Cores,

    /// <summary>Memory of the leader.</summary>
    MemoryBytes,

    /// <summary>Bytes of log per task until it runs.</summary>
    StartLogBytes,
}

/// <summary>A measurement that no constant was taken from: it shows how far off predictions are.</summary>
/// <param name="Measured">In the unit that <paramref name="Quantity"/> says.</param>
/// <param name="From">The command, and what it printed.</param>
internal sealed record CostCheck(string What, CheckedQuantity Quantity, double Measured, string From, int Managers = 1, int Nodes = 1, int Tasks = 0)
{
    /// <summary>How many times as much, or as little, was measured as is predicted; at least 1.</summary>
    public double OffBy(CapacityModel model)
    {
        var ratio = Measured / Predicted(model);
        return Math.Max(ratio, 1 / ratio);
    }

    public double Predicted(CapacityModel model)
    {
        var costs = model.Costs;
        var leader = model.Leader(new Demand(Nodes, Tasks, 0), Managers, Managers);
        return Quantity switch
        {
            CheckedQuantity.JoinMs => costs.JoinMs,
            CheckedQuantity.StartMs => costs.StartLeaderMs + costs.StartReplicaMs + costs.StartSessionMs,
            CheckedQuantity.Cores => leader.Cores,
            CheckedQuantity.MemoryBytes => leader.MemoryBytes,
            CheckedQuantity.StartLogBytes => costs.StartLogBytes,
            _ => throw new InvalidOperationException($"no prediction for {Quantity}"),
        };
    }
}
