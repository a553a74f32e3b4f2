using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Skep.Log;
using Skep.Manager;
using Skep.State;

namespace Skep.Daemon.Swarm;

/// <summary>Lets the loop run exactly while this manager leads the Raft group, with a fresh working state in each term.</summary>
internal sealed class Leadership : IAsyncDisposable
{
    /// <summary>A transfer that takes longer has failed: the core gives it up after an election timeout, 1 s.</summary>
    private static readonly TimeSpan TransferTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Between a batch that the log refused and the next try.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan TransferPoll = TimeSpan.FromMilliseconds(10);

    private readonly ManagerService _service;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<None> _news = Channel.CreateBounded<None>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _led = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IReplica? _replica;
    private Task _following = Task.CompletedTask;
    private (bool Leads, ulong Term) _wanted;
    private ulong _workingTerm;
    private bool _passingOn;

    public Leadership(ManagerService service, TimeProvider time, ILogger logger)
    {
        _service = service;
        _time = time;
        _logger = logger;
        // The log refused a batch, but the leadership may have stayed: then the loop begins anew from what is committed.
        service.TermEnded += () => _ = BeginAnewAsync();
    }

    /// <summary>Completes when this manager has led for the first time since it was started.</summary>
    public Task Led => _led.Task;

    /// <summary>Called by the log, on its thread.</summary>
    public void OnChanged(bool leads, ulong term) => Change(() => _wanted = (leads, term));

    public void Start(IReplica replica)
    {
        _replica = replica;
        _following = Waiting.Start(FollowAsync);
    }

    /// <summary>
    /// Passes the leadership on to the most advanced other manager: requests wait meanwhile, none is lost. False when there is nobody to
    /// take it, or it did not come about; then this manager goes on leading.
    /// </summary>
    public async Task<bool> PassOnAsync(CancellationToken cancellation)
    {
        if (_replica is not { IsLeader: true } replica)
            return false;
        Change(() => _passingOn = true);
        try
        {
            await _service.StopLeadingAsync();
            var status = await replica.StatusAsync(cancellation);
            var target = status.Peers.Where(peer => peer.Id != status.Id && !peer.IsLearner && peer.RecentActive).OrderByDescending(peer => peer.Match).Select(peer => peer.Id).FirstOrDefault();
            if (target == 0)
                return false;
            await replica.TransferLeaderAsync(target, cancellation);
            var began = _time.GetTimestamp();
            while (_time.GetElapsedTime(began) < TransferTimeout)
            {
                if (replica.LeaderId is var leader && leader != 0 && leader != status.Id)
                {
                    _logger.LogInformation("the leadership was passed on to raft member {Id:x}", leader);
                    return true;
                }
                await Task.Delay(TransferPoll, _time, cancellation);
            }
            _logger.LogWarning("the leadership could not be passed on to raft member {Id:x} within {Seconds} s", target, TransferTimeout.TotalSeconds);
            return false;
        }
        finally
        {
            Change(() =>
            {
                _passingOn = false;
                _workingTerm = 0;
            });
        }
    }

    public async ValueTask DisposeAsync()
    {
        _closing.Cancel();
        await _following;
        await _service.DisposeAsync();
        _closing.Dispose();
    }

    private async Task BeginAnewAsync()
    {
        // What refused the batch (a transfer under way, too much uncommitted) refuses the next one at once, and each beginning copies the state.
        await Task.Delay(Pause, _time);
        Change(() => _workingTerm = 0);
    }

    private void Change(Action change)
    {
        lock (_lock)
            change();
        _news.Writer.TryWrite(default);
    }

    private async Task FollowAsync()
    {
        try
        {
            while (true)
            {
                await _news.Reader.ReadAsync(_closing.Token);
                await AdaptAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Closed.
        }
    }

    private async Task AdaptAsync()
    {
        (bool Leads, ulong Term) wanted;
        bool passingOn, isCurrent;
        lock (_lock)
        {
            wanted = _wanted;
            passingOn = _passingOn;
            isCurrent = _service.IsLeader && _workingTerm == wanted.Term;
        }
        if (passingOn || (wanted.Leads && isCurrent))
            return;
        // Also between two terms of our own: others may have led in between.
        await _service.StopLeadingAsync();
        if (!wanted.Leads)
            return;
        _service.StartLeading();
        lock (_lock)
            _workingTerm = wanted.Term;
        _led.TrySetResult();
    }
}
