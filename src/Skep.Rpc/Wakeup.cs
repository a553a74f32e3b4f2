using System.Threading.Tasks.Sources;

namespace Skep.Rpc;

/// <summary>
/// Wakes the one who found nothing to do. He arms it under the lock under which he looked; who then makes work sets it, after that lock. Makes no objects:
/// thousands of engines wait for each message and each report.
/// </summary>
/// <param name="elsewhere">Whether he goes on on another thread; otherwise on that of whoever sets it, who then must hold no lock at all.</param>
internal sealed class Wakeup(bool elsewhere) : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _set = new() { RunContinuationsAsynchronously = elsewhere };
    private bool _isArmed;

    /// <summary>Completes when it is set. One at a time.</summary>
    public ValueTask Arm()
    {
        lock (_lock)
        {
            _set.Reset();
            _isArmed = true;
            return new ValueTask(this, _set.Version);
        }
    }

    /// <summary>Does nothing when nobody waits.</summary>
    public void Set()
    {
        lock (_lock)
        {
            if (!_isArmed)
                return;
            _isArmed = false;
        }
        _set.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token) => _set.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _set.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _set.OnCompleted(continuation, state, token, flags);
}
