using System.Diagnostics;
using System.Globalization;

namespace Skep.Cli.Lab.Experiments;

/// <summary>One experiment from its first process to its figures: managers, agents, the burst, the end.</summary>
internal sealed class Experiment : IDisposable
{
    private static readonly TimeSpan SampleInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly double _load = double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
    private readonly ExperimentPlan _plan;
    private readonly ExperimentHost _host;
    private readonly Narrator _narrator;
    private readonly LabManagers _managers;
    private readonly Burst _burst;
    private AgentsProcess? _agents;
    private AgentsReport? _report;
    private string? _phase;
    private double? _idlePercent;
    private DateTime _saidReport;
    private (double Managers, double Agents) _cpuBeforeBurst;

    /// <param name="plan">What to do.</param>
    /// <param name="host">Where.</param>
    /// <param name="narration">Told what happens as it happens.</param>
    /// <exception cref="CliException">A program is missing.</exception>
    public Experiment(ExperimentPlan plan, ExperimentHost host, TextWriter narration)
    {
        _plan = plan;
        _host = host;
        _narrator = new Narrator(narration, Now);
        _managers = LabManagers.Create(plan.Peer, plan.Managers, host.Network, host.Folder);
        _burst = new Burst(plan, _managers, Timeline, Now, _narrator);
    }

    public Timeline Timeline { get; } = new();

    /// <summary>Moments that explain the curves.</summary>
    public IReadOnlyList<(double At, string What)> Marks =>
        [.. new (double? At, string What)[] { (_burst.ScaledAt, "scale"), (_burst.KilledAt, "leader killed"), (_burst.Lists.ReachedAt, "all RUNNING") }.Where(m => m.At is not null).Select(m => (m.At!.Value, m.What))];

    /// <summary>Runs it until all is done or the time is over.</summary>
    /// <exception cref="CliException">It cannot go on: why.</exception>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public async Task<Figures> RunAsync(CancellationToken cancellation)
    {
        _narrator.Head(FormattableString.Invariant($"{_plan.Name}: {_plan.Tasks:#,##0} tasks on {_plan.Nodes:#,##0} simulated engines, ")
            + $"{_plan.Managers} {(_plan.Peer == Peer.Skep ? "skepd" : "stock dockerd")} as manager{(_plan.Managers > 1 ? "s" : "")}; files in {_host.Folder}");
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(_plan.TimeLimit);
        var work = WorkAsync(end.Token);
        // It ends before the work only when something has gone that the work needs.
        var watch = WatchAsync(end.Token);
        await Task.WhenAny(work, watch);
        await end.CancelAsync();
        await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await watch;
        try
        {
            await work;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            _narrator.Say("time limit", $"{_plan.TimeLimit.TotalSeconds:0} s are over while {_phase}");
        }
        catch (CliException)
        {
            // Who does not answer may have ended, which says more.
            MustRun();
            throw;
        }
        await EndAsync(cancellation);
        return FiguresNow();
    }

    public void Dispose()
    {
        _agents?.Dispose();
        _managers.Dispose();
    }

    private double Now() => _clock.Elapsed.TotalSeconds;

    private async Task WorkAsync(CancellationToken cancellation)
    {
        _phase = "the managers start";
        await _managers.FormAsync(cancellation);
        _narrator.Say("managers up", string.Join(", ", _managers.Addresses));

        _phase = "agents join";
        _agents = AgentsProcess.Start(_host.Network, _host.Folder, _plan, _managers.Addresses, await _managers.WorkerTokenAsync(cancellation));
        while (_agents.Report() is not { } latest || latest.Report.Joined < _plan.Nodes)
            await Task.Delay(Poll, cancellation);
        var report = _agents.Report()!.Value.Report;
        _narrator.Say("agents joined", string.Create(CultureInfo.InvariantCulture, $"{report.Joined:#,##0} in {report.JoinSeconds:0.0} s: {report.JoinsPerSecond:0} a second"));

        if (_plan.Idle > TimeSpan.Zero)
            await IdleAsync(cancellation);

        _phase = "tasks start";
        await SampleAsync(cancellation);
        _cpuBeforeBurst = (_managers.Costs.CpuSeconds, _agents.CpuSeconds);
        await _burst.RunAsync(cancellation);
        _phase = null;
    }

    private async Task IdleAsync(CancellationToken cancellation)
    {
        _phase = "all nodes are idle";
        await SampleAsync(cancellation);
        var (began, before) = (Now(), _managers.Costs.CpuSeconds);
        await Task.Delay(_plan.Idle, cancellation);
        await SampleAsync(cancellation);
        _idlePercent = (_managers.Costs.CpuSeconds - before) / (Now() - began) * 100;
        _narrator.Say("idle", string.Create(CultureInfo.InvariantCulture, $"the managers took {_idlePercent:0.0} % of a core for {_plan.Nodes:#,##0} nodes"));
    }

    /// <summary>Samples, and a line of progress each second, until the end.</summary>
    /// <exception cref="CliException">A process has ended that should run.</exception>
    private async Task WatchAsync(CancellationToken end)
    {
        using var timer = new PeriodicTimer(SampleInterval);
        try
        {
            for (var tick = 0; await timer.WaitForNextTickAsync(end); tick++)
            {
                MustRun();
                await SampleAsync(end);
                if (tick % 2 == 1)
                    SayProgress();
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The end.
        }
    }

    private void MustRun()
    {
        _managers.MustRun();
        _agents?.MustRun();
    }

    private async Task SampleAsync(CancellationToken cancellation)
    {
        await _managers.SampleAsync(cancellation);
        _agents?.Sample();
        Timeline.AddCpu(Now(), _managers.Costs.CpuSeconds, _agents?.CpuSeconds ?? 0);
    }

    private void SayProgress()
    {
        if (_agents?.Report() is not { } latest)
            return;
        // The agents write their report less often than there are lines.
        var isNew = latest.WrittenAt != _saidReport;
        _saidReport = latest.WrittenAt;
        if (isNew && latest.Report.Joined < _plan.Nodes)
            _narrator.Say("", FormattableString.Invariant($"{latest.Report.Joined:#,##0} joined"));
        else if (_burst.ScaledAt is not null && _burst.Lists.ReachedAt is null)
            _narrator.Say("", FormattableString.Invariant($"{_burst.Lists.Running:#,##0} RUNNING") + (isNew ? "; on the nodes: " + Text(latest.Report.Tasks) : ""));
    }

    private static string Text(IReadOnlyDictionary<string, long> tasks) =>
        tasks.Count == 0 ? "none" : string.Join(", ", tasks.Select(t => FormattableString.Invariant($"{t.Key} {t.Value:#,##0}")));

    private async Task EndAsync(CancellationToken cancellation)
    {
        await SampleAsync(cancellation);
        if (_agents is null)
            return;
        await _agents.StopAsync();
        if (_agents.Report() is not var (report, writtenAt))
            return;
        _report = report;
        var began = Now() - (DateTime.UtcNow - writtenAt).TotalSeconds - report.Elapsed;
        Timeline.States = report.Samples.ToDictionary(s => s.Key, s => (IReadOnlyList<Point>)[.. s.Value.Select(p => p with { At = p.At + began })]);
    }

    private Figures FiguresNow()
    {
        var (services, nodes) = (Latencies.Of(Timeline.ServiceList), Latencies.Of(Timeline.NodeList));
        var costs = _managers.Costs;
        var report = _report ?? new AgentsReport();
        return new Figures
        {
            Experiment = _plan.Name,
            Peer = _plan.Peer == Peer.Skep ? "skep" : "dockerd",
            Nodes = _plan.Nodes,
            Tasks = _plan.Tasks,
            Managers = _plan.Managers,
            Seed = _plan.Seed,
            Reached = _phase is null,
            EndedWhile = _phase,
            NodesJoined = report.Joined,
            JoinedS = report.Joined == _plan.Nodes ? report.JoinSeconds : null,
            JoinsPerS = report.JoinsPerSecond,
            ScaleMs = Round(_burst.ScaleMilliseconds),
            RunningS = Round(_burst.Lists.ReachedAt - _burst.ScaledAt),
            TasksRunning = _burst.Lists.Running - _burst.MissingTasks,
            TasksLost = report.TasksRemovedWhileWanted + _burst.MissingTasks,
            TasksRestarted = report.TasksRestarted,
            FailoverS = _burst.KilledAt is { } killed ? Round(_burst.Writes.FirstAfter(killed)) : null,
            KilledAtRunning = _burst.KilledAtRunning,
            WritesAcknowledged = _burst.Writes.Acknowledged,
            WritesLost = _burst.MissingWrites.Count,
            ProbeRunningS = Round(_burst.ProbeLongest),
            Probes = _burst.Probes,
            ServiceLsMsP50 = Round(services.P50),
            ServiceLsMsP99 = Round(services.P99),
            ServiceLsMsMax = Round(services.Max),
            NodeLsMsP50 = Round(nodes.P50),
            NodeLsMsP99 = Round(nodes.P99),
            NodeLsMsMax = Round(nodes.Max),
            ApiErrors = _burst.Lists.Errors,
            IdleManagerCpuPercent = Round(_idlePercent),
            ManagerCpuS = Round(costs.CpuSeconds),
            ManagerCpuBurstS = _burst.ScaledAt is null ? 0 : Round(costs.CpuSeconds - _cpuBeforeBurst.Managers),
            AgentsCpuS = Round(_agents?.CpuSeconds ?? 0),
            AgentsCpuBurstS = _burst.ScaledAt is null ? 0 : Round((_agents?.CpuSeconds ?? 0) - _cpuBeforeBurst.Agents),
            ManagerRssMb = Round(costs.PeakRssMegabytes),
            AgentsRssMb = Round(_agents?.PeakRssMegabytes ?? 0),
            LogMb = Round(costs.LogBytes / (1 << 20)),
            LogMeasured = _plan.Peer == Peer.Skep ? "bytes appended to the logs of all managers" : "all that dockerd wrote to the disk, snapshots included",
            SnapshotMb = Round(costs.SnapshotBytes / (1 << 20)),
            LateHeartbeats = report.LateHeartbeats,
            Reconnects = report.Reconnects,
            StatusCalls = report.StatusCalls,
            StartLatencyS = _plan.StartLatency,
            Processors = Environment.ProcessorCount,
            LoadAverage = _load,
        };
    }

    private static double Round(double value) => Math.Round(value, 2);

    private static double? Round(double? value) => value is { } number ? Math.Round(number, 2) : null;
}
