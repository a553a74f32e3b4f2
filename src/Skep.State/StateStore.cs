namespace Skep.State;

/// <summary>
/// The committed state, for many readers and one writer (the log's apply thread). Everything that is told to anyone (API
/// answers, assignments, events) is read from here, so nobody ever sees what could still be undone.
/// </summary>
public sealed class StateStore : IDisposable
{
    private readonly ReaderWriterLockSlim _lock = new();
    private readonly Lock _subscribersLock = new();
    private readonly VersionWaiters _versions = new();
    private ClusterState _state = new();
    private Action<IReadOnlyList<Change>>[] _subscribers = [];
    private Action[] _resetSubscribers = [];

    /// <summary>Reads under a shared lock. Keep it short and take references out: objects are frozen and may be used afterwards.</summary>
    public T Read<T>(Func<ClusterState, T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        _lock.EnterReadLock();
        try
        {
            return read(_state);
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>Applies a committed batch, then tells the subscribers. Called by the log only, in log order.</summary>
    public void Apply(Batch batch) => Change(state => state.Apply(batch));

    /// <summary>Takes over what a committed batch did to the state in which it was made; false when this state is another, and the batch itself is needed.</summary>
    public bool TryTakeOver(BatchChanges made)
    {
        // Only the log's thread changes the state, so what is seen here is so below.
        if (made.Version != Read(state => state.Version) + 1)
            return false;
        Change(state =>
        {
            state.TakeOver(made);
            return made.Changes;
        });
        return true;
    }

    private void Change(Func<ClusterState, IReadOnlyList<Change>> change)
    {
        IReadOnlyList<Change> changes;
        _lock.EnterWriteLock();
        try
        {
            changes = change(_state);
        }
        finally
        {
            _lock.ExitWriteLock();
        }
        foreach (var subscriber in _subscribers)
            Tell(subscriber, changes);
        _versions.Reached(_state.Version);
    }

    /// <summary>Completes when the state is at a version or beyond.</summary>
    public Task WaitForVersionAsync(ulong version, CancellationToken cancellation) => _versions.WaitAsync(version, () => Read(state => state.Version), cancellation);

    /// <summary>Replaces the whole state (a snapshot was read or installed).</summary>
    public void Reset(ClusterState state)
    {
        _lock.EnterWriteLock();
        _state = state;
        _lock.ExitWriteLock();
        foreach (var subscriber in _resetSubscribers)
            subscriber();
        _versions.Reached(state.Version);
    }

    /// <summary>A subscriber threw. The state is right; what that subscriber should have noted is lost.</summary>
    public event Action<Exception>? SubscriberFailed;

    public StateSnapshot Capture() => Read(StateSnapshot.Capture);

    /// <summary>
    /// Calls back with every committed batch's changes, in order, on the apply thread: a subscriber only notes what it must do
    /// and returns. After <paramref name="onReset"/> it must read everything anew.
    /// </summary>
    public IDisposable Subscribe(Action<IReadOnlyList<Change>> onChanges, Action? onReset = null)
    {
        lock (_subscribersLock)
        {
            _subscribers = [.. _subscribers, onChanges];
            if (onReset is not null)
                _resetSubscribers = [.. _resetSubscribers, onReset];
        }
        return new Subscription(() => Unsubscribe(onChanges, onReset));
    }

    public void Dispose() => _lock.Dispose();

    private void Tell(Action<IReadOnlyList<Change>> subscriber, IReadOnlyList<Change> changes)
    {
        try
        {
            subscriber(changes);
        }
        catch (Exception fault)
        {
            // A listener's fault is not the state's: the log goes on, and whoever listens for faults tells the operator.
            SubscriberFailed?.Invoke(fault);
        }
    }

    private void Unsubscribe(Action<IReadOnlyList<Change>> onChanges, Action? onReset)
    {
        lock (_subscribersLock)
        {
            _subscribers = [.. _subscribers.Where(s => s != onChanges)];
            _resetSubscribers = [.. _resetSubscribers.Where(s => s != onReset)];
        }
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
