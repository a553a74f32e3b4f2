using System.Diagnostics;

namespace Skep.Cli.Lab.Experiments;

/// <summary>A client that lists nodes and services all the time, as operators do who watch: how long that takes, and how many tasks run by it.</summary>
/// <param name="service">Whose running tasks are of interest.</param>
/// <param name="timeline">Where it is written down.</param>
/// <param name="clock">Seconds since the experiment began.</param>
internal sealed class ListProbe(string service, Timeline timeline, Func<double> clock)
{
    private static readonly TimeSpan NodesPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Shorter, since it says when all tasks run: this is how exact that is.</summary>
    private static readonly TimeSpan ServicesPause = TimeSpan.FromMilliseconds(250);

    private long _running;
    private int _errors;

    /// <summary>Tasks of the service that run, by the last answer.</summary>
    public long Running => Interlocked.Read(ref _running);

    /// <summary>When that many tasks ran for the first time, in seconds since the experiment began.</summary>
    public double? ReachedAt { get; private set; }

    /// <summary>Answers that did not come.</summary>
    public int Errors => _errors;

    public Task ListNodesAsync(Func<SwarmApi> manager, CancellationToken cancellation) => RepeatAsync(NodesPause, async () =>
    {
        var began = Stopwatch.GetTimestamp();
        await manager().ReadAsync(SwarmApi.NodeList, cancellation);
        timeline.AddNodeList(clock(), Stopwatch.GetElapsedTime(began).TotalMilliseconds);
    }, cancellation);

    /// <param name="manager">Whom to ask, anew each time.</param>
    /// <param name="goal">How many tasks are to run.</param>
    /// <param name="cancellation">The end.</param>
    public Task ListServicesAsync(Func<SwarmApi> manager, long goal, CancellationToken cancellation) => RepeatAsync(ServicesPause, async () =>
    {
        var began = Stopwatch.GetTimestamp();
        var running = (await manager().RunningAsync(cancellation)).GetValueOrDefault(service);
        var now = clock();
        timeline.AddServiceList(now, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        timeline.AddRunning(now, running);
        Interlocked.Exchange(ref _running, running);
        if (running >= goal)
            ReachedAt ??= now;
    }, cancellation);

    private async Task RepeatAsync(TimeSpan pause, Func<Task> list, CancellationToken cancellation)
    {
        try
        {
            for (; ; await Task.Delay(pause, cancellation))
            {
                try
                {
                    await list();
                }
                catch (CliException)
                {
                    Interlocked.Increment(ref _errors);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
    }
}
