using System.Runtime.InteropServices;

namespace Skep.Agent.Simulated;

/// <summary>How simulated containers behave.</summary>
public sealed record SimulationOptions
{
    /// <summary>From assignment to running: half of it to create the container, half to start it. A chance time between the two.</summary>
    public TimeSpan MinStartLatency { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan MaxStartLatency { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Share of starts that fail. 0 to 1.</summary>
    public double FailRate { get; init; }
}

/// <summary>
/// Containers that are nothing but a name in a table: for all agents of a process. It keeps every container it ever started, to tell when one is started
/// again, which must not happen: a task that failed is replaced by a task with another id.
/// </summary>
public sealed class SimulatedExecutor : IExecutor, IDisposable
{
    private static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, bool> _isRunning = [];
    private readonly DueQueue<(Operation Operation, Outcome Outcome)> _due;
    private readonly SimulationOptions _options;
    private readonly Random _random;
    private long _started;
    private long _restarted;

    /// <param name="options">How they behave.</param>
    /// <param name="random">Chooses times and failures; used under a lock.</param>
    /// <param name="time">The clock.</param>
    public SimulatedExecutor(SimulationOptions options, Random random, TimeProvider time)
    {
        _options = options;
        _random = random;
        _due = new DueQueue<(Operation Operation, Outcome Outcome)>(static end => end.Operation.Complete(end.Outcome), Grain, time);
    }

    /// <summary>Containers started, those started again included.</summary>
    public long Started => Interlocked.Read(ref _started);

    /// <summary>Containers started for a task that had been started before, on any node of this process.</summary>
    public long Restarted => Interlocked.Read(ref _restarted);

    public Outcome? Begin(Operation operation) => Begin(operation, 1);

    /// <param name="operation">To begin.</param>
    /// <param name="slowness">It takes so many times longer.</param>
    internal Outcome? Begin(Operation operation, double slowness)
    {
        lock (_lock)
        {
            switch (operation.Kind)
            {
                case TaskOperation.Prepare:
                    return After(operation, HalfOfLatency() * slowness, Outcome.Done);
                case TaskOperation.Start:
                    Start(operation.TaskId);
                    return After(operation, HalfOfLatency() * slowness, Fails() ? new Outcome("task: non-zero exit (1)") : Outcome.Done);
                case TaskOperation.Wait:
                    return _isRunning.GetValueOrDefault(operation.TaskId) ? null : new Outcome("No such container");
                default:
                    Stop(operation.TaskId);
                    return Outcome.Done;
            }
        }
    }

    public void Remove(string taskId)
    {
        lock (_lock)
            Stop(taskId);
    }

    public void Dispose() => _due.Dispose();

    private void Start(string taskId)
    {
        _started++;
        ref var isRunning = ref CollectionsMarshal.GetValueRefOrAddDefault(_isRunning, taskId, out var isOld);
        if (isOld)
            _restarted++;
        isRunning = true;
    }

    private void Stop(string taskId)
    {
        if (_isRunning.ContainsKey(taskId))
            _isRunning[taskId] = false;
    }

    private bool Fails() => _options.FailRate > 0 && _random.NextDouble() < _options.FailRate;

    private TimeSpan HalfOfLatency() => (_options.MinStartLatency + ((_options.MaxStartLatency - _options.MinStartLatency) * _random.NextDouble())) / 2;

    private Outcome? After(Operation operation, TimeSpan delay, Outcome outcome)
    {
        if (delay <= TimeSpan.Zero)
            return outcome;
        _due.Add((operation, outcome), delay);
        return null;
    }
}
