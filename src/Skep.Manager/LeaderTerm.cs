using System.Threading.Channels;
using Google.Protobuf;

namespace Skep.Manager;

/// <summary>One time of leadership: the loop with its working state, the inputs that wait, the batches on their way to the log.</summary>
internal sealed class LeaderTerm : IAsyncDisposable
{
    /// <summary>Inputs that may wait; more are refused, so that a flood cannot eat the memory.</summary>
    public const int MaxWaiting = 100_000;

    /// <summary>Inputs taken into one turn.</summary>
    private const int MaxInputsPerTurn = 4_096;

    /// <summary>Batches under way to the log at once.</summary>
    private const int MaxInFlight = 4;

    private readonly SwarmLoop _loop;
    private readonly IProposer _proposer;
    private readonly TimeProvider _time;
    private readonly TermClock _clock;
    private readonly Action<Exception?> _ended;
    private readonly Channel<WaitingInput> _inbox = Channel.CreateBounded<WaitingInput>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<None> _inFlight = Channel.CreateBounded<None>(MaxInFlight); // one in it for each batch under way
    private readonly Task _running;
    private bool _disposed;
    private Task _lastCommit = Task.CompletedTask;

    /// <param name="loop">The brain, already rebuilt from the state.</param>
    /// <param name="proposer">The log.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ended">Called when the term ends by itself: null when the leadership was lost, else the fault.</param>
    public LeaderTerm(SwarmLoop loop, IProposer proposer, TimeProvider time, Action<Exception?> ended)
    {
        _loop = loop;
        _proposer = proposer;
        _time = time;
        _clock = new TermClock(time, loop.State.Time);
        _ended = ended;
        // On the scheduler of whoever made it: the thread pool in a daemon, one thread under a seed in the simulation. For the same
        // reason nothing here awaits with ConfigureAwait(false), which would go on beside that thread.
        _running = Task.Factory.StartNew(RunAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, TaskScheduler.Current).Unwrap();
    }

    /// <summary>Lets an input wait for the next turn.</summary>
    /// <exception cref="ControlException">Unavailable: the term is over, or too many wait.</exception>
    public void Add(WaitingInput input)
    {
        if (_inbox.Writer.TryWrite(input))
        {
            ManagerMetrics.InputsWaiting.Set(_inbox.Reader.Count);
            return;
        }
        throw _stop.IsCancellationRequested
            ? ManagerService.NoLeader()
            : new ControlException(ControlError.Unavailable, $"the manager is overloaded: {MaxWaiting} requests wait; try again later");
    }

    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        await _running;
        if (_disposed)
            return;
        _disposed = true;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await WaitForWorkAsync();
                await _inFlight.Writer.WriteAsync(default, _stop.Token);
                TakeTurn();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Asked to stop: what waits is refused below.
        }
        catch (Exception fault)
        {
            _ended(fault);
        }
        _inbox.Writer.TryComplete();
        while (_inbox.Reader.TryRead(out var waiting))
            waiting.Done.TrySetException(ManagerService.NoLeader());
    }

    private async Task WaitForWorkAsync()
    {
        _stop.Token.ThrowIfCancellationRequested();
        if (_loop.HasWork || _inbox.Reader.TryPeek(out _))
            return;
        using var wake = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        if (_loop.NextDue is { } due)
        {
            var delay = due - _clock.Now();
            if (delay <= TimeSpan.Zero)
                return;
            // A timer takes at most some 49 days; what is due later is looked at again then.
            using var timer = _time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), wake,
                delay < TimeSpan.FromDays(1) ? delay : TimeSpan.FromDays(1), Timeout.InfiniteTimeSpan);
            await ArrivalAsync(wake.Token);
        }
        else
        {
            await ArrivalAsync(wake.Token);
        }
        _stop.Token.ThrowIfCancellationRequested();
    }

    private async Task ArrivalAsync(CancellationToken wake)
    {
        try
        {
            await _inbox.Reader.WaitToReadAsync(wake);
        }
        catch (OperationCanceledException)
        {
            // Something is due.
        }
    }

    private void TakeTurn()
    {
        var waiting = new List<WaitingInput>();
        while (waiting.Count < MaxInputsPerTurn && _inbox.Reader.TryRead(out var one))
            waiting.Add(one);
        var started = _time.GetTimestamp();
        var result = _loop.Take(_clock.Now(), [.. waiting.Select(w => w.Input)]);
        ManagerMetrics.TurnSeconds.Observe(_time.GetElapsedTime(started).TotalSeconds);
        ManagerMetrics.Inputs.Inc(waiting.Count);
        if (result.Batch is { } batch)
        {
            ManagerMetrics.Mutations.Inc(batch.Mutations.Count);
            _lastCommit = CommitAsync(batch.ToByteArray(), _lastCommit);
        }
        // A refusal may rest on a batch that is not committed yet, so every answer waits for all batches before it.
        _ = AnswerAsync(_lastCommit, waiting, result.Answers);
    }

    private async Task CommitAsync(byte[] entry, Task before)
    {
        var proposal = _proposer.ProposeAsync(entry, CancellationToken.None);
        await before;
        await proposal;
    }

    private async Task AnswerAsync(Task commit, List<WaitingInput> waiting, IReadOnlyList<Answer> answers)
    {
        try
        {
            await commit;
            for (var i = 0; i < waiting.Count; i++)
                waiting[i].Give(answers[i]);
        }
        catch (Exception fault)
        {
            foreach (var one in waiting)
                one.Done.TrySetException(new ControlException(ControlError.Unavailable, "the manager lost the leadership while the request waited; it may or may not have been done"));
            _ended(fault is LeadershipLostException ? null : fault);
        }
        finally
        {
            _inFlight.Reader.TryRead(out _);
        }
    }
}
