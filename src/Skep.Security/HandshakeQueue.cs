namespace Skep.Security;

/// <summary>
/// Lets few TLS handshakes work at a time. Thousands of engines come back at once when a manager was gone, and each handshake takes milliseconds of
/// CPU: all at once, none would be done before its engine gives up (5 s), and the heartbeats of those that are connected would wait behind them.
/// </summary>
/// <param name="places">How many work at a time.</param>
/// <param name="longest">A place is free again after this time: what takes longer waits for the network, not for us.</param>
/// <param name="time">The clock.</param>
public sealed class HandshakeQueue(int places, TimeSpan longest, TimeProvider time)
{
    private readonly TimeSpan _longest = longest;
    private readonly TimeProvider _time = time;
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private int _free = places;

    /// <summary>Waits for a place, the newest first: an engine that has waited for long is about to give up, and its handshake would be in vain.</summary>
    /// <returns>Gives the place back when it is disposed of, if that has not happened yet.</returns>
    /// <exception cref="OperationCanceledException">Whoever waited has gone.</exception>
    public async Task<IDisposable> EnterAsync(CancellationToken gone)
    {
        gone.ThrowIfCancellationRequested();
        LinkedListNode<TaskCompletionSource>? waiter = null;
        lock (_lock)
        {
            if (_free > 0)
                _free--;
            else
                waiter = _waiting.AddFirst(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        if (waiter is not null)
        {
            using var registration = gone.Register(() => GiveUp(waiter, gone));
            await waiter.Value.Task.ConfigureAwait(false);
        }
        return new Place(this);
    }

    private void GiveUp(LinkedListNode<TaskCompletionSource> waiter, CancellationToken gone)
    {
        lock (_lock)
        {
            if (waiter.List is null)
                return; // it has a place already
            _waiting.Remove(waiter);
        }
        waiter.Value.TrySetCanceled(gone);
    }

    private void Leave()
    {
        TaskCompletionSource next;
        lock (_lock)
        {
            if (_waiting.First is not { } first)
            {
                _free++;
                return;
            }
            _waiting.RemoveFirst();
            next = first.Value;
        }
        next.SetResult();
    }

    private sealed class Place : IDisposable
    {
        private readonly ITimer _timer;
        private HandshakeQueue? _queue;

        public Place(HandshakeQueue queue)
        {
            _queue = queue;
            _timer = queue._time.CreateTimer(static place => ((Place)place!).Dispose(), this, queue._longest, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _queue, null) is not { } queue)
                return;
            _timer?.Dispose();
            queue.Leave();
        }
    }
}
