using Skep.State;

namespace Skep.Manager;

/// <summary>
/// One read barrier for all who ask at about the same time: thousands of nodes that come to a manager at once cost a few. Who asks while
/// one is under way gets the next one, since that one may have been answered before he asked.
/// </summary>
internal sealed class SharedBarrier(Func<CancellationToken, Task> barrier)
{
    private readonly Lock _lock = new();
    private Task? _current;
    private Task? _next;

    /// <param name="cancellation">Ends this caller's waiting only.</param>
    public Task WaitAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_current is null)
                return (_current = RunAsync()).OrCancelledAsync(cancellation);
            return (_next ??= RunAfterAsync(_current)).OrCancelledAsync(cancellation);
        }
    }

    private async Task RunAsync()
    {
        // Never under the lock.
        await Task.Yield();
        try
        {
            await barrier(CancellationToken.None);
        }
        finally
        {
            lock (_lock)
                (_current, _next) = (_next, null);
        }
    }

    private async Task RunAfterAsync(Task current)
    {
        await current.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Current);
        await RunAsync();
    }
}
