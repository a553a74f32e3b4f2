using System.Text.Json.Nodes;

namespace Skep.Cli.Lab.Experiments;

/// <summary>What an experiment takes from the report of skep lab agents.</summary>
internal sealed record AgentsReport
{
    public long Joined { get; private init; }

    public double JoinSeconds { get; private init; }

    public double JoinsPerSecond { get; private init; }

    /// <summary>Agents that hold a session.</summary>
    public long Connected { get; private init; }

    /// <summary>By the state's name.</summary>
    public IReadOnlyDictionary<string, long> Tasks { get; private init; } = new Dictionary<string, long>();

    public long TasksRestarted { get; private init; }

    /// <summary>Tasks taken from an engine that were still wanted: its containers would have been killed.</summary>
    public long TasksRemovedWhileWanted { get; private init; }

    public long LateHeartbeats { get; private init; }

    public long Reconnects { get; private init; }

    /// <summary>How the agents report statuses, in words.</summary>
    public string StatusCalls { get; private init; } = "";

    /// <summary>Tasks by state over time; seconds since the agents began.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Point>> Samples { get; private init; } = new Dictionary<string, IReadOnlyList<Point>>();

    /// <summary>How old the agents were when they wrote it, in seconds.</summary>
    public double Elapsed { get; private init; }

    public static AgentsReport Parse(string json)
    {
        var report = JsonNode.Parse(json)!;
        return new AgentsReport
        {
            Joined = Number(report, "joined"),
            JoinSeconds = report["join_s"]?.GetValue<double>() ?? 0,
            JoinsPerSecond = report["joins_per_s"]?.GetValue<double>() ?? 0,
            Connected = Number(report, "connected"),
            Tasks = Counts(report["tasks"]),
            TasksRestarted = Number(report, "tasks_restarted"),
            TasksRemovedWhileWanted = Number(report, "tasks_removed_while_wanted"),
            LateHeartbeats = Number(report, "late_heartbeats"),
            Reconnects = Number(report, "reconnects"),
            StatusCalls = report["status_calls_are"]?.GetValue<string>() ?? "",
            Elapsed = report["elapsed_s"]?.GetValue<double>() ?? 0,
            Samples = ByState(report["timeline"]?.AsArray() ?? []),
        };
    }

    private static Dictionary<string, IReadOnlyList<Point>> ByState(JsonArray samples)
    {
        var times = samples.Select(s => (At: s!["t"]!.GetValue<double>(), Tasks: Counts(s["states"]))).ToList();
        // A state that has no task at a moment is left out of that sample: 0.
        return times.SelectMany(t => t.Tasks.Keys).Distinct()
            .ToDictionary(state => state, state => (IReadOnlyList<Point>)[.. times.Select(t => new Point(t.At, t.Tasks.GetValueOrDefault(state)))]);
    }

    private static Dictionary<string, long> Counts(JsonNode? node) =>
        node?.AsObject().ToDictionary(p => p.Key, p => p.Value!.GetValue<long>()) ?? [];

    private static long Number(JsonNode report, string name) => report[name]?.GetValue<long>() ?? 0;
}
