namespace Skep.Cli.Lab.Experiments;

/// <summary>What an experiment is to do.</summary>
internal sealed record ExperimentPlan
{
    /// <summary>swarm2k, swarm3k or c1m.</summary>
    public required string Name { get; init; }

    /// <summary>Simulated engines.</summary>
    public required int Nodes { get; init; }

    /// <summary>Replicas of the one service.</summary>
    public required int Tasks { get; init; }

    public required int Managers { get; init; }

    /// <summary>Whether the leader is killed in the middle of the burst, and started again.</summary>
    public bool KillsLeader { get; init; }

    /// <summary>How long nothing is done once all nodes have joined, to see what they cost by themselves.</summary>
    public TimeSpan Idle { get; init; }

    public Peer Peer { get; init; } = Peer.Skep;

    /// <summary>Of the whole experiment, from its first process on.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(600);

    public int Seed { get; init; } = 1;

    /// <summary>Of a container, as the agents' option of this name.</summary>
    public string StartLatency { get; init; } = "0.2-0.5";

    /// <summary>Files open at once in the process with the most.</summary>
    public int FilesNeeded => Nodes + OtherFiles;

    /// <summary>Logs, other managers, clients, and engines that connect anew before their old connection is gone.</summary>
    private const int OtherFiles = 4096;

    /// <summary>The seed experiments' sizes, and Nomad's.</summary>
    public static IReadOnlyList<ExperimentPlan> All { get; } =
    [
        new() { Name = "swarm2k", Nodes = 2300, Tasks = 100_000, Managers = 1 },
        new() { Name = "swarm3k", Nodes = 4700, Tasks = 70_000, Managers = 3, KillsLeader = true },
        new() { Name = "c1m", Nodes = 5000, Tasks = 1_000_000, Managers = 1 },
    ];
}

/// <summary>Whose managers.</summary>
internal enum Peer
{
    /// <summary>skepd without engines.</summary>
    Skep,

    /// <summary>Stock engines, drained.</summary>
    Dockerd,
}
