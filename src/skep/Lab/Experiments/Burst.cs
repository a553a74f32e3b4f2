namespace Skep.Cli.Lab.Experiments;

/// <summary>The scale command and all that is done and measured until its tasks run: small clients beside it, and the kill of the leader.</summary>
/// <param name="plan">How many tasks; whether the leader is killed.</param>
/// <param name="managers">Whose.</param>
/// <param name="timeline">Where it is written down.</param>
/// <param name="clock">Seconds since the experiment began.</param>
/// <param name="narrator">Told of each step.</param>
internal sealed class Burst(ExperimentPlan plan, LabManagers managers, Timeline timeline, Func<double> clock, Narrator narrator)
{
    private const string Service = "web";

    /// <summary>The share of tasks that run when the leader is killed: many run, most do not.</summary>
    private const double KillAtShare = 0.3;

    /// <summary>As long as a system's service manager waits before it starts again what died.</summary>
    private static readonly TimeSpan RestartDelay = TimeSpan.FromSeconds(1);

    /// <summary>All run, and must still run after this.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly ServiceProbe _service = new();

    public ListProbe Lists { get; } = new(Service, timeline, clock);

    public WriteProbe Writes { get; } = new(clock);

    /// <summary>Seconds since the experiment began; null before.</summary>
    public double? ScaledAt { get; private set; }

    /// <summary>How long the scale command took.</summary>
    public double? ScaleMilliseconds { get; private set; }

    public double? KilledAt { get; private set; }

    public long? KilledAtRunning { get; private set; }

    public double? ProbeLongest => _service.Longest;

    public int Probes => _service.Count;

    /// <summary>Tasks that ran and a moment later did not.</summary>
    public long MissingTasks { get; private set; }

    /// <summary>Services whose creation was acknowledged and that are not there.</summary>
    public IReadOnlyList<string> MissingWrites { get; private set; } = [];

    /// <summary>Returns when all tasks run and everything has been checked.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await managers.Api.CreateServiceAsync(Service, replicas: 0, cancellation);
        narrator.Say("service created", $"{Service}, 0 replicas");
        ScaledAt = clock();
        timeline.AddRunning(ScaledAt.Value, 0);
        await managers.Api.ScaleAsync(Service, plan.Tasks, cancellation);
        ScaleMilliseconds = (clock() - ScaledAt) * 1000;
        narrator.Say("scaled", $"to {plan.Tasks:#,##0}; the command took {ScaleMilliseconds:0} ms");

        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var watchers = new List<Task>
        {
            Lists.ListServicesAsync(() => managers.Api, plan.Tasks, watching.Token),
            Lists.ListNodesAsync(() => managers.Api, watching.Token),
        };
        var probe = _service.RunAsync(() => managers.Api, () => Lists.ReachedAt is null, cancellation);
        if (plan.KillsLeader)
        {
            watchers.Add(Writes.RunAsync(() => managers.Api, watching.Token));
            await KillAsync(cancellation);
        }
        while (Lists.ReachedAt is null)
            await Task.Delay(Poll, cancellation);
        narrator.Say("all RUNNING", $"{Lists.ReachedAt - ScaledAt:0.0} s after the scale command");
        await probe;
        narrator.Say("small services meanwhile", $"{_service.Count}, each of one replica; the slowest ran after {_service.Longest:0.00} s");
        await watching.CancelAsync();
        await Task.WhenAll(watchers);
        await CheckAsync(cancellation);
    }

    private async Task KillAsync(CancellationToken cancellation)
    {
        while (Lists.Running < plan.Tasks * KillAtShare)
            await Task.Delay(Poll, cancellation);
        var start = await managers.KillLeaderAsync(cancellation);
        (KilledAt, KilledAtRunning) = (clock(), Lists.Running);
        narrator.Say("leader killed", $"at {KilledAtRunning:#,##0} RUNNING");
        await Task.Delay(RestartDelay, cancellation);
        await start();
        narrator.Say("started again", $"answers {clock() - KilledAt:0.0} s after the kill");
        while (Writes.FirstAfter(KilledAt.Value) is null)
            await Task.Delay(Poll, cancellation);
        narrator.Say("writes go on", $"first acknowledged {Writes.FirstAfter(KilledAt.Value):0.00} s after the kill");
    }

    private async Task CheckAsync(CancellationToken cancellation)
    {
        await managers.WholeAsync(cancellation);
        await Task.Delay(Settling, cancellation);
        var services = await managers.Api.RunningAsync(cancellation);
        MissingTasks = Math.Max(0, plan.Tasks - services.GetValueOrDefault(Service));
        MissingWrites = Writes.Missing(services);
        narrator.Say("checked", $"{services.GetValueOrDefault(Service):#,##0} RUNNING" + (plan.KillsLeader ? $"; {MissingWrites.Count} of {Writes.Acknowledged} acknowledged writes lost" : ""));
    }
}
