namespace Skep.State;

/// <summary>"Look again": set by many, awaited by one, who looks after each wait. Signals between two looks are one signal.</summary>
/// <remarks>Holds no handle, so that it may be set while its owner ends.</remarks>
public sealed class Signal
{
    private TaskCompletionSource _set = New();

    public void Set() => Volatile.Read(ref _set).TrySetResult();

    /// <summary>Returns at once when it was set since the last wait.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        using (cancellation.UnsafeRegister(static signal => ((Signal)signal!).Set(), this))
            await Volatile.Read(ref _set).Task;
        cancellation.ThrowIfCancellationRequested();
        // A signal that comes before this line is one that the look which follows will find the cause of.
        Volatile.Write(ref _set, New());
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
