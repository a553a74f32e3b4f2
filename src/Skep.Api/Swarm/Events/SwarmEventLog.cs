using System.Threading.Channels;
using Skep.State;

namespace Skep.Api.Swarm.Events;

/// <summary>
/// The cluster's events: the last <see cref="Kept"/> for those who ask later, and a bounded queue for each who listens. A listener
/// that is too slow loses the oldest of its queue, as in stock.
/// </summary>
internal sealed class SwarmEventLog : IDisposable
{
    public const int Kept = 256;

    public const int QueueLength = 1_024;

    private readonly ISwarmLifecycle _lifecycle;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Queue<Types.EventMessage> _last = new();
    private readonly HashSet<Channel<Types.EventMessage>> _listeners = [];
    private StateStore? _store;
    private IDisposable? _subscription;

    public SwarmEventLog(ISwarmLifecycle lifecycle, TimeProvider time)
    {
        _lifecycle = lifecycle;
        _time = time;
        lifecycle.Changed += Follow;
        Follow();
    }

    /// <summary>What is kept, and what comes from now on; nothing falls in between. The listener ends by <see cref="Forget"/>.</summary>
    public (IReadOnlyList<Types.EventMessage> Past, Channel<Types.EventMessage> Future) Listen()
    {
        var queue = Channel.CreateBounded<Types.EventMessage>(new BoundedChannelOptions(QueueLength) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_lock)
        {
            _listeners.Add(queue);
            return ([.. _last], queue);
        }
    }

    public void Forget(Channel<Types.EventMessage> listener)
    {
        lock (_lock)
            _listeners.Remove(listener);
    }

    public void Dispose()
    {
        _lifecycle.Changed -= Follow;
        lock (_lock)
        {
            _subscription?.Dispose();
            _subscription = null;
        }
    }

    /// <summary>Joins and leaves change the store that there is to follow.</summary>
    private void Follow()
    {
        lock (_lock)
        {
            var store = _lifecycle.Manager?.Store;
            if (ReferenceEquals(store, _store))
                return;
            _subscription?.Dispose();
            _store = store;
            _subscription = store?.Subscribe(Note);
        }
    }

    // On the apply thread.
    private void Note(IReadOnlyList<Change> changes)
    {
        var now = _time.GetUtcNow();
        foreach (var change in changes)
        {
            var message = change switch
            {
                TaskChange => null,
                ManagerChange manager => ManagerChanged(manager, now),
                _ => SwarmEventMaker.Make(change, now),
            };
            if (message is not null)
                Publish(message);
        }
    }

    private Types.EventMessage? ManagerChanged(ManagerChange change, DateTimeOffset now)
    {
        var host = (change.New ?? change.Old!).HostNodeId;
        var node = _store?.Read(state => state.Nodes.GetValueOrDefault(host));
        return node is null ? null : SwarmEventMaker.ManagerChanged(node, change.Old, change.New, now);
    }

    private void Publish(Types.EventMessage message)
    {
        lock (_lock)
        {
            _last.Enqueue(message);
            if (_last.Count > Kept)
                _last.Dequeue();
            foreach (var listener in _listeners)
                listener.Writer.TryWrite(message);
        }
    }
}
