using Microsoft.Extensions.Logging;
using Skep.Manager;

namespace Skep.Dispatch;

/// <summary>
/// Takes task statuses, answers at once, and repeats them to the leader until they are committed. An engine makes one call per
/// status and waits for its answer, so an answer must not wait for the disk; if this manager dies, the session dies with it
/// and the engine reports everything again.
/// </summary>
public sealed class StatusIntake : IAsyncDisposable
{
    /// <summary>Statuses that may wait before nodes are made to wait.</summary>
    private const int MaxWaiting = 200_000;

    private readonly Lock _lock = new();
    private readonly Signal _news = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly IManager _manager;
    private readonly DispatchOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<StatusIntake> _logger;
    private readonly Task _running;
    private Dictionary<(string NodeId, string TaskId), Wire.TaskStatus> _waiting = [];

    public StatusIntake(IManager manager, DispatchOptions options, TimeProvider time, ILogger<StatusIntake> logger)
    {
        _manager = manager;
        _options = options;
        _time = time;
        _logger = logger;
        // As in the manager's loop: on the scheduler of whoever made it, so that the simulation can drive it.
        _running = Task.Factory.StartNew(RunAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, TaskScheduler.Current).Unwrap();
    }

    /// <summary>Holds the statuses from now on. Newer ones replace older ones of the same task.</summary>
    public async Task TakeAsync(string nodeId, IReadOnlyCollection<Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate> updates, CancellationToken cancellation)
    {
        while (!TryTake(nodeId, updates))
            await Task.Delay(_options.StatusBatching, _time, cancellation);
        DispatchMetrics.Statuses.Inc(updates.Count);
    }

    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        await _running;
        _stop.Dispose();
    }

    private bool TryTake(string nodeId, IReadOnlyCollection<Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate> updates)
    {
        lock (_lock)
        {
            if (_waiting.Count > MaxWaiting)
                return false;
            foreach (var update in updates)
                Hold((nodeId, update.TaskId), update.Status);
            _news.Set();
            return true;
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await _news.WaitAsync(_stop.Token);
                await Task.Delay(_options.StatusBatching, _time, _stop.Token);
                await FlushAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped: what is not committed will be reported again to the next manager.
        }
    }

    private async Task FlushAsync()
    {
        Dictionary<(string NodeId, string TaskId), Wire.TaskStatus> taken;
        lock (_lock)
        {
            taken = _waiting;
            _waiting = [];
        }
        DispatchMetrics.StatusesWaiting.Set(taken.Count);
        var reports = taken.GroupBy(t => t.Key.NodeId).Select(node => new TaskStatusReport(node.Key,
            [.. node.Select(t => KeyValuePair.Create(t.Key.TaskId, t.Value))]));
        try
        {
            await Task.WhenAll(reports.Select(report => _manager.SubmitAsync(report, _stop.Token)));
            DispatchMetrics.StatusesWaiting.Set(0);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            // Whatever the reason: what was answered is kept and said again.
            _logger.LogWarning("{Count} task statuses wait for a leader: {Reason}", taken.Count, e.Message);
            GiveBack(taken);
            await Task.Delay(TimeSpan.FromMilliseconds(500), _time, _stop.Token);
        }
    }

    private void GiveBack(Dictionary<(string NodeId, string TaskId), Wire.TaskStatus> taken)
    {
        lock (_lock)
        {
            foreach (var (key, status) in taken)
                Hold(key, status);
            _news.Set();
        }
    }

    private void Hold((string NodeId, string TaskId) key, Wire.TaskStatus status)
    {
        if (!_waiting.TryGetValue(key, out var held) || held.State <= status.State)
            _waiting[key] = status;
    }
}
