using System.Threading.Channels;
using Google.Protobuf;
using Skep.State;

namespace Skep.Manager;

/// <summary>One time of leadership: the loop with its working state, the inputs that wait, the batches on their way to the log.</summary>
internal sealed class LeaderTerm : IAsyncDisposable
{
    /// <summary>Inputs taken into one turn.</summary>
    private const int MaxInputsPerTurn = 4_096;

    /// <summary>
    /// Batches under way to the log at once: one that is being written, one that waits for it, one on its way back from the other managers. With more each waits
    /// behind more, and so does whoever waits for an answer; with two the three managers of a burst take 3 % more CPU.
    /// </summary>
    public const int MaxInFlight = 3;

    private readonly SwarmLoop _loop;
    private readonly IProposalSequence _proposals;
    private readonly Func<CancellationToken, Task> _confirm;
    private readonly TimeProvider _time;
    private readonly TermClock _clock;
    private readonly Action<LeaderTerm, Exception?> _ended;
    private readonly Inbox _inbox = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<None> _inFlight = Channel.CreateBounded<None>(MaxInFlight); // one in it for each batch under way
    private readonly Task _running;
    private Task _lastCommit = Task.CompletedTask;

    /// <param name="loop">The brain, already rebuilt from the state.</param>
    /// <param name="proposals">The log.</param>
    /// <param name="confirm">A read barrier: completes when this manager is known to lead still.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ended">Called when the term ends by itself: null when the leadership was lost, else the fault.</param>
    /// <param name="where">Where the loop runs; null: where the term begins.</param>
    public LeaderTerm(SwarmLoop loop, IProposalSequence proposals, Func<CancellationToken, Task> confirm, TimeProvider time, Action<LeaderTerm, Exception?> ended, TaskScheduler? where)
    {
        _loop = loop;
        _proposals = proposals;
        _confirm = confirm;
        _time = time;
        _ended = ended;
        _clock = new TermClock(time, loop.State.Time);
        _running = Waiting.Start(RunAsync, where);
    }

    /// <summary>Lets an input wait for the next turn.</summary>
    /// <exception cref="ControlException">Unavailable: too many wait.</exception>
    /// <exception cref="InputNotTakenException">The term is over.</exception>
    public void Add(WaitingInput input)
    {
        if (_inbox.TryAdd(input))
        {
            ManagerMetrics.InputsWaiting.Set(_inbox.Count);
            return;
        }
        throw _inbox.IsClosed
            ? new InputNotTakenException()
            : new ControlException(ControlError.Unavailable, $"the manager is overloaded: {Inbox.MaxWaiting} requests wait; try again later");
    }

    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        await _running;
        _stop.Dispose();
    }

    /// <summary>Completes when what was taken has been committed, or has failed.</summary>
    public Task FinishedAsync() => _lastCommit.ContinueWith(_ => { }, TaskScheduler.Current);

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
            _ended(this, fault);
        }
        _inbox.Close();
        while (_inbox.TryTake(out var waiting))
            waiting.Done.TrySetException(new InputNotTakenException());
    }

    private async Task WaitForWorkAsync()
    {
        _stop.Token.ThrowIfCancellationRequested();
        if (_loop.HasWork || _inbox.Count > 0)
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
            await _inbox.WaitAsync(wake);
        }
        catch (OperationCanceledException)
        {
            // Something is due.
        }
    }

    private void TakeTurn()
    {
        var waiting = new List<WaitingInput>();
        var started = _time.GetTimestamp();
        var result = _loop.Take(_clock.Now(), Next(waiting));
        ManagerMetrics.TurnSeconds.Observe(_time.GetElapsedTime(started).TotalSeconds);
        ManagerMetrics.Inputs.Inc(waiting.Count);
        if (result.Batch is { } batch)
        {
            ManagerMetrics.Mutations.Inc(batch.Mutations.Count);
            var proposal = _proposals.ProposeAsync(batch.ToByteArray(), result.Made, CancellationToken.None);
            _lastCommit = InOrderAsync(_lastCommit, proposal);
            _ = AnswerAsync(_lastCommit, proposal, waiting, result.Answers);
        }
        else
        {
            // An answer may rest on a batch that is not committed yet, so every answer waits for all batches before it.
            _ = AnswerAsync(_lastCommit, proposal: null, waiting, result.Answers);
        }
    }

    /// <summary>What waits, out of the inbox as it is taken.</summary>
    private IEnumerable<Input> Next(List<WaitingInput> taken)
    {
        while (taken.Count < MaxInputsPerTurn && _inbox.TryTake(out var one))
        {
            taken.Add(one);
            yield return one.Input;
        }
    }

    private static async Task InOrderAsync(Task before, Task proposal)
    {
        await before;
        await proposal;
    }

    private async Task AnswerAsync(Task commit, Task? proposal, List<WaitingInput> waiting, IReadOnlyList<Answer> answers)
    {
        try
        {
            await commit;
            // A turn of timers alone answers nobody, and asks for no round among the managers.
            if (proposal is null && waiting.Count > 0 && !await StillLeadsAsync())
            {
                foreach (var one in waiting)
                    one.Done.TrySetException(new InputNotTakenException());
                return;
            }
            for (var i = 0; i < waiting.Count; i++)
                waiting[i].Give(answers[i]);
        }
        catch (Exception fault)
        {
            // Before anyone hears of it: who then tries again must not come to a term that is over.
            _ended(this, fault is LeadershipLostException ? null : fault);
            var reason = await FailureAsync(proposal);
            foreach (var one in waiting)
                one.Done.TrySetException(reason);
        }
        finally
        {
            _inFlight.Reader.TryRead(out _);
        }
    }

    /// <summary>
    /// Nothing of such a turn goes through the log, so nothing else would tell a leader that others have deposed it meanwhile: it would refuse by a state
    /// of the past. (Found by the simulation: a name refused as taken after its service was removed elsewhere.)
    /// </summary>
    private async Task<bool> StillLeadsAsync()
    {
        try
        {
            await _confirm(CancellationToken.None);
            return true;
        }
        catch (LeadershipLostException)
        {
            return false;
        }
    }

    /// <summary>What those hear whose turn came to nothing: whether it may yet be done is for their own batch to say.</summary>
    private static async Task<Exception> FailureAsync(Task? proposal)
    {
        // It changed nothing itself, and rested on a batch that was lost.
        if (proposal is null)
            return new InputNotTakenException();
        try
        {
            await proposal;
        }
        catch (LeadershipLostException lost) when (!lost.OutcomeUnknown)
        {
            return new InputNotTakenException(lost);
        }
        catch (Exception)
        {
            // Not known, as below.
        }
        return new ControlException(ControlError.Unavailable, "the manager lost the leadership while the request waited; it may or may not have been done");
    }
}
