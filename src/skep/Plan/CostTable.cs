namespace Skep.Cli.Plan;

/// <summary>The constants themselves. What each one is and where it comes from stands beside it in measured-costs.json.</summary>
internal sealed record CostTable
{
    /// <summary>Cores of a manager without nodes.</summary>
    public required Cost ManagerIdleCores { get; init; }

    /// <summary>Cores that being one of several adds: ticks, heartbeats of Raft.</summary>
    public required Cost GroupIdleCores { get; init; }

    /// <summary>Cores per connected node at rest: its heartbeats.</summary>
    public required Cost SessionCores { get; init; }

    public required Cost JoinMs { get; init; }

    public required Cost ReconnectMs { get; init; }

    /// <summary>Per task's life on the one thread that decides; bounds how many tasks a second can be started.</summary>
    public required Cost StartLeaderMs { get; init; }

    public required Cost StartReplicaMs { get; init; }

    public required Cost StartSessionMs { get; init; }

    public required Cost ListNodeMs { get; init; }

    public required Cost StartLogBytes { get; init; }

    public required Cost EndLogBytes { get; init; }

    public required Cost LifeEntries { get; init; }

    public required Cost JoinLogBytes { get; init; }

    public required Cost TaskSnapshotBytes { get; init; }

    public required Cost NodeSnapshotBytes { get; init; }

    public required Cost BaseMemoryBytes { get; init; }

    public required Cost SessionMemoryBytes { get; init; }

    public required Cost NodeMemoryBytes { get; init; }

    public required Cost TaskMemoryBytes { get; init; }

    public required Cost HeartbeatWireBytes { get; init; }

    public required Cost LifeWireBytes { get; init; }

    public required Cost SyncMedianMs { get; init; }

    public required Cost SyncP99Ms { get; init; }

    public double LifeLogBytes => StartLogBytes + EndLogBytes;

    public DiskSync Disk => new(TimeSpan.FromMilliseconds(SyncMedianMs), TimeSpan.FromMilliseconds(SyncP99Ms));

    /// <summary>Every constant by its name.</summary>
    public IReadOnlyDictionary<string, Cost> All => typeof(CostTable).GetProperties()
        .Where(property => property.PropertyType == typeof(Cost))
        .ToDictionary(property => property.Name, property => (Cost)property.GetValue(this)!);

    /// <exception cref="CliException">A constant is negative or no number.</exception>
    public void Validate()
    {
        foreach (var (name, cost) in All)
        {
            if (!double.IsFinite(cost.Value) || cost.Value < 0)
                throw new CliException($"measured-costs.json: {name} is {cost.Value}");
        }
    }
}
