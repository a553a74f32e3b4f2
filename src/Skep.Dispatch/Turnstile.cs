namespace Skep.Dispatch;

/// <summary>
/// Lets few work at a time, in the order in which they came. A change of the leader's may concern thousands of nodes at once: if all their messages were made
/// at the same time, heartbeats would wait behind them for seconds; and who waits here gathers more for one message.
/// </summary>
/// <param name="places">How many work at a time.</param>
internal sealed class Turnstile(int places)
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _waiting = [];
    private int _free = places;

    /// <summary>Waits for a place; whoever has one gives it back soon, and waits for nothing meanwhile.</summary>
    public Task EnterAsync()
    {
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                return Task.CompletedTask;
            }
            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
            return turn.Task;
        }
    }

    public void Leave()
    {
        TaskCompletionSource? next;
        lock (_lock)
        {
            if (!_waiting.TryDequeue(out next))
                _free++;
        }
        next?.SetResult();
    }
}
