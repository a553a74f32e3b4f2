namespace Skep.State;

/// <summary>Those who wait until the state has come to a version.</summary>
internal sealed class VersionWaiters
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<TaskCompletionSource, ulong> _waiting = new();

    public Task WaitAsync(ulong version, Func<ulong> present, CancellationToken cancellation)
    {
        if (present() >= version)
            return Task.CompletedTask;
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
            _waiting.Enqueue(reached, version);
        // It may have come before the waiter stood.
        Reached(present());
        return reached.Task.OrCancelledAsync(cancellation);
    }

    public void Reached(ulong version)
    {
        lock (_lock)
        {
            while (_waiting.TryPeek(out var first, out var wanted) && wanted <= version)
            {
                _waiting.Dequeue();
                first.TrySetResult();
            }
        }
    }
}
