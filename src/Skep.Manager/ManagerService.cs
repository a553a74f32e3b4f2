using Microsoft.Extensions.Logging;
using Skep.State;

namespace Skep.Manager;

/// <summary>
/// Runs the loop on the leader: gathers what waits, takes a turn, hands the batch to the log, goes on with the next turn while
/// that one is being committed, and gives the answers when it is.
/// </summary>
/// <param name="self">Which manager this is.</param>
/// <param name="store">The committed state.</param>
/// <param name="proposer">The log.</param>
/// <param name="rules">Makes the rules of a new term of leadership.</param>
/// <param name="seed">Makes 32 random bytes for each term.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For what operators should know.</param>
/// <param name="others">The way to the leader while this manager does not lead; null: it is alone.</param>
public sealed class ManagerService(
    ManagerSelf self,
    StateStore store,
    IProposer proposer,
    Func<IReadOnlyList<IRule>> rules,
    Func<byte[]> seed,
    TimeProvider time,
    ILogger<ManagerService> logger,
    ILeaderLink? others = null,
    TaskScheduler? loopScheduler = null) : IManager, IAsyncDisposable
{
    /// <summary>How long an input is handed from one leader to the next before its sender hears of it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly Lock _termLock = new();
    private readonly SharedBarrier _barrier = new(proposer.ReadBarrierAsync);
    private LeaderTerm? _term;

    public ManagerSelf Self => self;

    public StateStore Store => store;

    public bool IsLeader => _term is not null;

    /// <summary>A term of leadership ended by itself, since the log refused a batch: if this manager still leads, it must begin anew.</summary>
    public event Action? TermEnded;

    /// <summary>The loop failed by a fault of its own, or the log no longer takes entries: the daemon must be restarted.</summary>
    public event Action<Exception>? Failed;

    /// <summary>This manager leads from now on. Call it when everything committed before is applied to the store.</summary>
    public void StartLeading()
    {
        lock (_termLock)
        {
            if (_term is not null)
                return;
            var began = time.GetTimestamp();
            var loop = new SwarmLoop(store.Read(state => state.Clone()), new IdSource(seed()), rules(), time.GetUtcNow());
            logger.LogDebug("the working state of {Tasks} tasks was made in {Milliseconds:0} ms", loop.State.Tasks.Count, time.GetElapsedTime(began).TotalMilliseconds);
            var term = new LeaderTerm(loop, proposer.BeginSequence(), _barrier.WaitAsync, time, (ended, fault) => _ = OnTermEndedAsync(ended, fault), loopScheduler);
            // Before anyone else can send: an arrival that came first would be taken back.
            term.Add(new WaitingInput(new LeadershipBegan(self.Id, self.Run)));
            _term = term;
        }
        logger.LogInformation("this manager leads the cluster");
    }

    /// <summary>
    /// Another manager leads, or shall: no new input is taken (they wait for the next leader), what was handed to the log is
    /// waited for, what was not is forgotten.
    /// </summary>
    public Task StopLeadingAsync() => _term is { } term ? StopAsync(term) : Task.CompletedTask;

    public async Task ReadBarrierAsync(CancellationToken cancellation = default)
    {
        // Where there is one manager, as there often is, its readers need not wait behind what the log is at.
        if (!proposer.NeedsReadBarrier)
            return;
        try
        {
            await _barrier.WaitAsync(cancellation);
        }
        catch (LeadershipLostException)
        {
            throw NoLeader();
        }
    }

    public async Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                return (TReply)(await SubmitOnceAsync(input, cancellation))!;
            }
            catch (InputNotTakenException) when (others is not null && time.GetElapsedTime(began) < Patience)
            {
                // Certainly not done, so the next leader may have it.
                await others.WaitForLeaderAsync(cancellation);
            }
            catch (InputNotTakenException)
            {
                throw NoLeader();
            }
        }
    }

    /// <summary>Takes an input if this manager leads, also for other managers.</summary>
    /// <exception cref="InputNotTakenException">It does not lead, or leads no more: the input was certainly not done.</exception>
    /// <exception cref="ControlException">Refused; or Unavailable when the outcome is not known.</exception>
    public async Task<object?> TakeAsync(Input input, CancellationToken cancellation)
    {
        var term = _term ?? throw new InputNotTakenException();
        var waiting = new WaitingInput(input);
        term.Add(waiting);
        return await waiting.Done.Task.OrCancelledAsync(cancellation);
    }

    public async ValueTask DisposeAsync() => await StopLeadingAsync();

    private async Task<object?> SubmitOnceAsync(Input input, CancellationToken cancellation)
    {
        if (_term is not null || others is null)
            return await TakeAsync(input, cancellation);
        var answer = await others.SubmitAsync(input, cancellation);
        // Who wrote here must be able to read here what he wrote.
        await store.WaitForVersionAsync(answer.Version, cancellation);
        return answer.Value;
    }

    private async Task<bool> StopAsync(LeaderTerm term)
    {
        lock (_termLock)
        {
            if (_term != term)
                return false;
            _term = null;
        }
        logger.LogInformation("this manager no longer leads the cluster");
        await term.DisposeAsync();
        // What is still under way would be missing in the working state of a next term.
        await term.FinishedAsync();
        return true;
    }

    private async Task OnTermEndedAsync(LeaderTerm term, Exception? fault)
    {
        if (fault is not null)
        {
            logger.LogCritical(fault, "the manager's loop failed: {Reason}", fault.Message);
            Failed?.Invoke(fault);
        }
        // A late word of an earlier term ends nothing.
        if (await StopAsync(term) && fault is null)
            TermEnded?.Invoke();
    }

    public static ControlException NoLeader() => new(ControlError.Unavailable,
        "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.");
}
