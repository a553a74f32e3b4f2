using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skep.Cli.Lab.Experiments;

/// <summary>An experiment's outcome. The JSON has these names in snake case; scripts rely on them (the list in docs/lab.md).</summary>
internal sealed record Figures
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public required string Experiment { get; init; }

    /// <summary>"skep" or "dockerd".</summary>
    public required string Peer { get; init; }

    public required int Nodes { get; init; }

    public required int Tasks { get; init; }

    public required int Managers { get; init; }

    public required int Seed { get; init; }

    /// <summary>All tasks were RUNNING before the time limit.</summary>
    public bool Reached { get; init; }

    /// <summary>What it was at when the limit ended it; null when it ended by itself.</summary>
    public string? EndedWhile { get; init; }

    public long NodesJoined { get; init; }

    /// <summary>From the first to the last of the agents; null when not all joined.</summary>
    public double? JoinedS { get; init; }

    public double JoinsPerS { get; init; }

    /// <summary>How long the scale command itself took.</summary>
    public double? ScaleMs { get; init; }

    /// <summary>Scale command to all tasks RUNNING, as docker service ls counts; null when that was not reached.</summary>
    public double? RunningS { get; init; }

    /// <summary>Tasks RUNNING at the end.</summary>
    public long TasksRunning { get; init; }

    /// <summary>Taken from engines while wanted, or not RUNNING any more a moment after all were.</summary>
    public long TasksLost { get; init; }

    /// <summary>Started again on the same engine.</summary>
    public long TasksRestarted { get; init; }

    /// <summary>Kill of the leader to the first write acknowledged that was sent after it.</summary>
    public double? FailoverS { get; init; }

    /// <summary>Tasks RUNNING when the leader was killed.</summary>
    public long? KilledAtRunning { get; init; }

    /// <summary>Services created around the kill whose creation was acknowledged.</summary>
    public int WritesAcknowledged { get; init; }

    /// <summary>Of these, missing at the end.</summary>
    public int WritesLost { get; init; }

    /// <summary>Longest time from the command that creates a service of one replica, while the burst runs, until it runs.</summary>
    public double? ProbeRunningS { get; init; }

    /// <summary>How many such services were created.</summary>
    public int Probes { get; init; }

    public double? ServiceLsMsP50 { get; init; }

    public double? ServiceLsMsP99 { get; init; }

    public double? ServiceLsMsMax { get; init; }

    public double? NodeLsMsP50 { get; init; }

    public double? NodeLsMsP99 { get; init; }

    public double? NodeLsMsMax { get; init; }

    /// <summary>Reads during the burst that failed.</summary>
    public int ApiErrors { get; init; }

    /// <summary>Of one core, by all managers, while the nodes did nothing; null when that was not asked for.</summary>
    public double? IdleManagerCpuPercent { get; init; }

    /// <summary>User and system time of all managers, from their start.</summary>
    public double ManagerCpuS { get; init; }

    /// <summary>The same from the scale command on.</summary>
    public double ManagerCpuBurstS { get; init; }

    public double AgentsCpuS { get; init; }

    public double AgentsCpuBurstS { get; init; }

    /// <summary>Peak of the manager that took most.</summary>
    public double ManagerRssMb { get; init; }

    public double AgentsRssMb { get; init; }

    /// <summary>Written to the logs of all managers, in MB of 2^20 bytes.</summary>
    public double LogMb { get; init; }

    /// <summary>How LogMb was measured.</summary>
    public required string LogMeasured { get; init; }

    public double SnapshotMb { get; init; }

    public long LateHeartbeats { get; init; }

    public long Reconnects { get; init; }

    /// <summary>How the agents report statuses.</summary>
    public string StatusCalls { get; init; } = "";

    public required string StartLatencyS { get; init; }

    public required int Processors { get; init; }

    /// <summary>Of the machine before the experiment: what else had it at work.</summary>
    public required double LoadAverage { get; init; }

    /// <summary>The goal was reached, and nothing that was acknowledged or ran is gone.</summary>
    [JsonIgnore]
    public bool IsGood => Reached && TasksLost == 0 && WritesLost == 0;

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>Name and value of each as they are in the JSON, in its order; without those that are null.</summary>
    public IReadOnlyList<(string Name, string Value)> Rows() =>
        [.. JsonSerializer.SerializeToNode(this, Json)!.AsObject().Where(p => p.Value is not null).Select(p => (p.Key, p.Value!.ToString()))];
}
