using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skep.Agent.Simulated;

namespace Skep.Cli.Lab;

/// <summary>The report of skep lab agents: figures now, what is wrong with the nodes, and tasks by state over time.</summary>
internal sealed class FleetReport(AgentsOptions options, FleetFigures figures, SimulatedExecutor executor, TimeProvider time)
{
    /// <summary>When there are more samples, every other one goes: a run of a day fits too.</summary>
    private const int MaxSamples = 1200;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly long _began = time.GetTimestamp();
    private readonly Lock _lock = new();
    private readonly List<Snapshot> _samples = [];
    private int _tick;
    private int _ticksPerSample = 1;
    private TimeSpan? _joinTook;

    /// <summary>The last agent has its first session.</summary>
    public void AllJoined() => _joinTook = time.GetElapsedTime(_began);

    public void Sample()
    {
        lock (_lock)
        {
            if (_tick++ % _ticksPerSample != 0)
                return;
            _samples.Add(new Snapshot(time.GetElapsedTime(_began), figures.Joined, figures.Connected, figures.Tasks()));
            if (_samples.Count < MaxSamples)
                return;
            _ticksPerSample *= 2;
            for (var i = _samples.Count - 1; i > 0; i -= 2)
                _samples.RemoveAt(i);
        }
    }

    /// <summary>One line of progress.</summary>
    public string Line()
    {
        var tasks = string.Join(' ', figures.Tasks().Select(t => $"{Name(t.Key)} {t.Value}"));
        return string.Create(CultureInfo.InvariantCulture,
            $"{time.GetElapsedTime(_began).TotalSeconds,6:0} s  joined {figures.Joined}/{options.Count}  connected {figures.Connected}  tasks: {(tasks.Length > 0 ? tasks : "none")}  reconnects {figures.Reconnects}");
    }

    /// <summary>Replaces the file, if one was asked for, in one step, so that a reader never sees half a report.</summary>
    public void Write()
    {
        if (options.ReportPath is not { } path)
            return;
        try
        {
            File.WriteAllText(path + ".tmp", ToJson().ToJsonString(Indented));
            File.Move(path + ".tmp", path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the report cannot be written: {e.Message}");
        }
    }

    public JsonObject ToJson()
    {
        using var process = Process.GetCurrentProcess();
        var took = _joinTook ?? time.GetElapsedTime(_began);
        var wave = figures.LastWave();
        return new JsonObject
        {
            ["count"] = options.Count,
            ["joined"] = figures.Joined,
            ["join_s"] = Round(took.TotalSeconds),
            ["joins_per_s"] = Round(figures.Joined / Math.Max(took.TotalSeconds, 1e-3)),
            ["connected"] = figures.Connected,
            ["managers"] = Object(figures.Managers().Select(m => KeyValuePair.Create(m.Key, (long)m.Value))),
            ["tasks"] = Object(figures.Tasks().Select(t => KeyValuePair.Create(Name(t.Key), t.Value))),
            ["all_running_at"] = wave?.AllRunningAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            ["all_running_s"] = wave is null ? null : Round(wave.Took.TotalSeconds),
            ["last_wave_tasks"] = wave?.Tasks,
            ["tasks_started"] = executor.Started,
            ["tasks_restarted"] = executor.Restarted,
            ["tasks_removed"] = figures.Removed,
            ["tasks_removed_while_wanted"] = figures.RemovedWanted,
            ["tasks_lost"] = figures.Lost,
            ["statuses"] = figures.Statuses,
            ["status_calls"] = figures.StatusCalls,
            ["status_calls_are"] = options.StatusesPerCall == 1 ? "one status each, as stock engines" : $"batched, up to {options.StatusesPerCall}",
            ["heartbeat_ms"] = new JsonObject
            {
                ["count"] = figures.Heartbeats.Count,
                ["p50"] = Round(figures.Heartbeats.Quantile(0.5).TotalMilliseconds),
                ["p99"] = Round(figures.Heartbeats.Quantile(0.99).TotalMilliseconds),
                ["max"] = Round(figures.Heartbeats.Max.TotalMilliseconds),
            },
            ["late_heartbeats"] = figures.LateHeartbeats,
            ["reconnects"] = figures.Reconnects,
            ["deaths"] = figures.Deaths,
            ["returns"] = figures.Returns,
            ["returns_empty"] = figures.EmptyReturns,
            ["session_errors"] = Object(figures.Errors()),
            ["agents_cpu_s"] = Round(process.TotalProcessorTime.TotalSeconds),
            ["rss_mb"] = process.WorkingSet64 >> 20,
            ["peak_rss_mb"] = process.PeakWorkingSet64 >> 20,
            ["elapsed_s"] = Round(time.GetElapsedTime(_began).TotalSeconds),
            ["seed"] = options.Seed,
            ["start_latency_s"] = new JsonArray(options.Simulation.MinStartLatency.TotalSeconds, options.Simulation.MaxStartLatency.TotalSeconds),
            ["fail_rate"] = options.Simulation.FailRate,
            ["trouble"] = Trouble(),
            ["timeline"] = Timeline(),
        };
    }

    private JsonObject Trouble()
    {
        var trouble = options.Trouble;
        return new JsonObject
        {
            ["deaths_per_minute"] = trouble.DeathsPerMinute,
            ["return_after_s"] = trouble.ReturnAfter is var (min, max) ? new JsonArray(min.TotalSeconds, max.TotalSeconds) : null,
            ["return_empty"] = trouble.ReturnEmpty,
            ["slow"] = new JsonObject { ["share"] = trouble.SlowShare, ["factor"] = trouble.SlowFactor, ["nodes"] = figures.SlowNodes },
            ["stuck"] = new JsonObject { ["share"] = trouble.StuckShare, ["nodes"] = figures.StuckNodes },
        };
    }

    private JsonArray Timeline()
    {
        lock (_lock)
        {
            return [.. _samples.Select(s => (JsonNode)new JsonObject
            {
                ["t"] = Round(s.At.TotalSeconds),
                ["joined"] = s.Joined,
                ["connected"] = s.Connected,
                ["states"] = Object(s.Tasks.Select(t => KeyValuePair.Create(Name(t.Key), t.Value))),
            })];
        }
    }

    private static JsonObject Object(IEnumerable<KeyValuePair<string, long>> counts) =>
        new(counts.Select(c => KeyValuePair.Create(c.Key, (JsonNode?)JsonValue.Create(c.Value))));

    // docker's own spelling: running, shutdown …
    private static string Name(Wire.TaskState state) => state.ToString().ToLowerInvariant();

    private static double Round(double value) => Math.Round(value, 2);

    private sealed record Snapshot(TimeSpan At, long Joined, long Connected, IReadOnlyDictionary<Wire.TaskState, long> Tasks);
}
