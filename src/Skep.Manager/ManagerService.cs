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
public sealed class ManagerService(
    ManagerSelf self,
    StateStore store,
    IProposer proposer,
    Func<IReadOnlyList<IRule>> rules,
    Func<byte[]> seed,
    TimeProvider time,
    ILogger<ManagerService> logger) : IManager, IAsyncDisposable
{
    private readonly Lock _termLock = new();
    private LeaderTerm? _term;

    public StateStore Store => store;

    public bool IsLeader => _term is not null;

    /// <summary>The loop failed by a fault of its own, or the log no longer takes entries: the daemon must be restarted.</summary>
    public event Action<Exception>? Failed;

    /// <summary>This manager leads from now on. Call it when everything committed before is applied to the store.</summary>
    public void StartLeading()
    {
        lock (_termLock)
        {
            if (_term is not null)
                return;
            var loop = new SwarmLoop(store.Read(state => state.Clone()), new IdSource(seed()), rules(), time.GetUtcNow());
            var term = new LeaderTerm(loop, proposer, time, OnTermEnded);
            // Before anyone else can send: an arrival that came first would be taken back.
            term.Add(new WaitingInput(new LeadershipBegan(self.Id, self.Run)));
            _term = term;
        }
        logger.LogInformation("this manager leads the cluster");
    }

    /// <summary>Another manager leads: what waits is refused, what was decided and not committed is forgotten.</summary>
    public async Task StopLeadingAsync()
    {
        LeaderTerm? term;
        lock (_termLock)
        {
            term = _term;
            _term = null;
        }
        if (term is null)
            return;
        logger.LogInformation("this manager no longer leads the cluster");
        await term.DisposeAsync();
    }

    public async Task ReadBarrierAsync(CancellationToken cancellation = default)
    {
        try
        {
            await proposer.ReadBarrierAsync(cancellation);
        }
        catch (LeadershipLostException)
        {
            throw NoLeader();
        }
    }

    public async Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default)
    {
        var term = _term ?? throw NoLeader();
        var waiting = new WaitingInput(input);
        term.Add(waiting);
        using var givenUp = cancellation.Register(() => waiting.Done.TrySetCanceled(cancellation));
        return (TReply)(await waiting.Done.Task)!;
    }

    public async ValueTask DisposeAsync() => await StopLeadingAsync();

    private void OnTermEnded(Exception? fault)
    {
        _ = StopLeadingAsync();
        if (fault is null)
            return;
        logger.LogCritical(fault, "the manager's loop failed: {Reason}", fault.Message);
        Failed?.Invoke(fault);
    }

    internal static ControlException NoLeader() => new(ControlError.Unavailable,
        "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.");
}
