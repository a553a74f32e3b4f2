using Skep.Dispatch;

namespace Skep.Simulation;

/// <summary>What a run is: all of it follows from the seed, unless said otherwise.</summary>
internal sealed record RunOptions
{
    public required int Seed { get; init; }

    /// <summary>3 to 7.</summary>
    public required int Managers { get; init; }

    public required int Agents { get; init; }

    /// <summary>API clients, and the service names that they share.</summary>
    public int Clients { get; init; } = 3;

    public int Services { get; init; } = 3;

    /// <summary>Rounds of faults, each followed by a time without, in which everything must come right.</summary>
    public int Rounds { get; init; } = 4;

    public TimeSpan FaultTime { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>How long after the faults everything must have come right.</summary>
    public TimeSpan RecoveryTime { get; init; } = TimeSpan.FromSeconds(240);

    public TimeSpan TickInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    public ulong SnapshotInterval { get; init; } = 100;

    public int KeepOldSnapshots { get; init; }

    /// <summary>How much faster or slower than real time a manager's clock may run.</summary>
    public double ClockDrift { get; init; } = 0.02;

    public DispatchOptions Dispatch { get; init; } = new();

    public Seams Seams { get; init; } = Seams.None;

    /// <summary>Where to write what happens.</summary>
    public TextWriter? TraceTo { get; init; }

    /// <summary>The run of a seed: its sizes vary too.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="managers">How many, if not the seed's choice.</param>
    public static RunOptions For(int seed, int? managers = null)
    {
        var random = new Random(seed);
        var chosen = new[] { 3, 3, 3, 5, 5, 7 }[random.Next(6)];
        return new RunOptions
        {
            Seed = seed,
            Managers = managers ?? chosen,
            Agents = random.Next(3, 7),
            TickInterval = TimeSpan.FromMilliseconds(random.Next(2) == 0 ? 100 : 300),
            SnapshotInterval = (ulong)new[] { 15, 60, 250 }[random.Next(3)],
            KeepOldSnapshots = random.Next(3) == 0 ? 1 : 0,
        };
    }
}
