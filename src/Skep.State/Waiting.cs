namespace Skep.State;

/// <summary>
/// Waiting that stays on the scheduler of whoever waits, as a plain await does: the thread pool in a daemon, the one thread of a simulation. What
/// the framework has for it (<c>Task.WaitAsync</c>, <c>SemaphoreSlim</c>, <c>Task.Run</c>) goes on beside it.
/// </summary>
public static class Waiting
{
    /// <summary>Waits no longer than until the cancellation; what is waited for goes on.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled first.</exception>
    public static async Task<T> OrCancelledAsync<T>(this Task<T> task, CancellationToken cancellation)
    {
        await ((Task)task).OrCancelledAsync(cancellation);
        return await task;
    }

    /// <inheritdoc cref="OrCancelledAsync{T}"/>
    public static async Task OrCancelledAsync(this Task task, CancellationToken cancellation)
    {
        if (cancellation.CanBeCanceled && !task.IsCompleted)
        {
            var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var cancelled = cancellation.UnsafeRegister(static (first, token) => ((TaskCompletionSource)first!).TrySetCanceled(token), first);
            _ = task.ContinueWith(static (_, first) => ((TaskCompletionSource)first!).TrySetResult(), first, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Current);
            await first.Task;
        }
        await task;
    }

    /// <summary>Starts something that goes on by itself.</summary>
    /// <param name="action">What.</param>
    /// <param name="where">Where it goes on, and all that it awaits; null: where it is started.</param>
    public static Task Start(Func<Task> action, TaskScheduler? where = null) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.DenyChildAttach, where ?? TaskScheduler.Current).Unwrap();
}
