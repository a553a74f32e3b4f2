using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.State;
using Update = Skep.Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate;

namespace Skep.Dispatch;

/// <summary>Statuses on their way to the leader: what comes while some are under way is gathered and goes next.</summary>
internal sealed class StatusLane : IAsyncDisposable
{
    /// <summary>
    /// Statuses that may wait before nodes are made to wait: some seconds of the leader's work. An engine that waits tells less, since a task's later state
    /// takes the place of the one that it could not tell yet.
    /// </summary>
    private const int MaxWaiting = 20_000;

    private readonly Lock _lock = new();
    private readonly Signal _news = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly IManager _manager;
    private readonly DispatchOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _batching;
    private readonly Task _running;
    private Dictionary<(string NodeId, string TaskId), Wire.TaskStatus> _waiting = [];
    private TaskCompletionSource _room = NewRoom();
    private int _underWay;

    public StatusLane(IManager manager, TimeSpan batching, DispatchOptions options, TimeProvider time, ILogger logger)
    {
        _batching = batching;
        _manager = manager;
        _options = options;
        _time = time;
        _logger = logger;
        _running = Waiting.Start(RunAsync);
    }

    public async Task TakeAsync(string nodeId, IReadOnlyCollection<Update> updates, CancellationToken cancellation)
    {
        while (TryTake(nodeId, updates) is { } room)
        {
            // Never for long: what waits is taken time and again, whatever becomes of it.
            await room;
            cancellation.ThrowIfCancellationRequested();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        await _running;
        lock (_lock)
            _room.TrySetCanceled();
        _stop.Dispose();
    }

    /// <summary>Null: it has them. Else completes when it may be tried again.</summary>
    private Task? TryTake(string nodeId, IReadOnlyCollection<Update> updates)
    {
        lock (_lock)
        {
            if (_waiting.Count > MaxWaiting)
                return _room.Task;
            foreach (var update in updates)
                Hold((nodeId, update.TaskId), update.Status);
            _news.Set();
            return null;
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await _news.WaitAsync(_stop.Token);
                await Task.Delay(_batching, _time, _stop.Token);
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
        TaskCompletionSource room;
        lock (_lock)
        {
            (taken, room) = (_waiting, _room);
            _waiting = [];
            _room = NewRoom();
        }
        room.SetResult();
        Show(taken.Count);
        var sent = await Task.WhenAll(InputsOf(taken).Select(SendAsync));
        var left = sent.SelectMany(part => part).ToList();
        Show(left.Count);
        if (left.Count == 0)
            return;
        GiveBack(left);
        await Task.Delay(TimeSpan.FromMilliseconds(500), _time, _stop.Token);
    }

    /// <summary>Few inputs whatever the number of nodes; one node's statuses stay together unless they are too many for one.</summary>
    private IEnumerable<TaskStatusReports> InputsOf(IEnumerable<KeyValuePair<(string NodeId, string TaskId), Wire.TaskStatus>> statuses) => statuses
        .OrderBy(status => status.Key.NodeId, StringComparer.Ordinal)
        .Chunk(_options.MaxStatusesPerInput)
        .Select(part => new TaskStatusReports([.. part.GroupBy(status => status.Key.NodeId).Select(node =>
            new TaskStatusReport(node.Key, [.. node.Select(status => KeyValuePair.Create(status.Key.TaskId, status.Value))]))]));

    /// <summary>Returns what the leader has not taken, for whatever reason: what was answered is kept and said again.</summary>
    private async Task<IReadOnlyList<KeyValuePair<(string NodeId, string TaskId), Wire.TaskStatus>>> SendAsync(TaskStatusReports input)
    {
        try
        {
            await _manager.SubmitAsync(input, _stop.Token);
            return [];
        }
        catch (ControlException e) when (e.Error == ControlError.Internal && input.Reports.Count > 1)
        {
            // One node's report that the leader stumbles over must not hold back the others'.
            var parts = input.Reports.Chunk((input.Reports.Count + 1) / 2).Select(half => SendAsync(new TaskStatusReports(half)));
            return [.. (await Task.WhenAll(parts)).SelectMany(part => part)];
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            _logger.LogWarning("task statuses of {Count} nodes wait for a leader: {Reason}", input.Reports.Count, e.Message);
            return [.. input.Reports.SelectMany(report => report.Statuses.Select(status => KeyValuePair.Create((report.NodeId, status.Key), status.Value)))];
        }
    }

    /// <summary>The other lane's are in the same figure.</summary>
    private void Show(int underWay)
    {
        DispatchMetrics.StatusesWaiting.Inc(underWay - _underWay);
        _underWay = underWay;
    }

    private void GiveBack(IEnumerable<KeyValuePair<(string NodeId, string TaskId), Wire.TaskStatus>> statuses)
    {
        lock (_lock)
        {
            foreach (var (key, status) in statuses)
            {
                // What came meanwhile is newer, even if it is of the same state.
                if (!_waiting.TryGetValue(key, out var held) || held.State < status.State)
                    _waiting[key] = status;
            }
            _news.Set();
        }
    }

    private static TaskCompletionSource NewRoom() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Hold((string NodeId, string TaskId) key, Wire.TaskStatus status)
    {
        if (!_waiting.TryGetValue(key, out var held) || held.State <= status.State)
            _waiting[key] = status;
    }
}
