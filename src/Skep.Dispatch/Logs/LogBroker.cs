using System.Runtime.CompilerServices;
using Skep.Manager;
using Skep.State;

namespace Skep.Dispatch.Logs;

/// <summary>
/// Brings readers of logs and engines together: a reader's subscription is told to every node that runs a task of it (when
/// following: also to those that come to run one), and what these nodes publish goes to the reader.
/// </summary>
public sealed class LogBroker : ILogReader, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LogSubscription> _subscriptions = [];
    private readonly Dictionary<string, List<LogListener>> _listeners = [];
    private readonly StateStore _store;
    private readonly DispatchOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly IDisposable _changes;
    private readonly CancellationTokenSource _stop = new();
    private volatile int _following;
    private bool _stopping;

    /// <param name="store">Tells which nodes run what.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For subscription ids.</param>
    public LogBroker(StateStore store, DispatchOptions options, TimeProvider time, Random random)
    {
        _store = store;
        _options = options;
        _time = time;
        _random = random;
        Stopped = _stop.Token;
        _changes = store.Subscribe(OnChanges, OnReset);
    }

    /// <summary>Fires when the broker is disposed: streams end.</summary>
    internal CancellationToken Stopped { get; }

    public async IAsyncEnumerable<Wire.LogMessage> ReadAsync(Wire.LogSelector selector, Wire.LogSubscriptionOptions options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var subscription = Open(selector, options);
        try
        {
            await using var patience = _time.CreateTimer(_ => GiveUpOnSilent(subscription), null, _options.LogPatience, Timeout.InfiniteTimeSpan).ConfigureAwait(false);
            await foreach (var messages in subscription.Messages.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                foreach (var message in messages)
                    yield return message;
            }
        }
        finally
        {
            Close(subscription);
        }
    }

    public void Dispose()
    {
        _changes.Dispose();
        lock (_lock)
        {
            if (_stopping)
                return;
            _stopping = true;
            foreach (var subscription in _subscriptions.Values)
                subscription.End(Stopping());
        }
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>A node opens its stream of subscriptions; it is told at once of those that want it.</summary>
    internal LogListener Listen(string nodeId)
    {
        var listener = new LogListener(nodeId, Leave);
        lock (_lock)
        {
            if (!_listeners.TryGetValue(nodeId, out var listeners))
                _listeners[nodeId] = listeners = [];
            listeners.Add(listener);
            listener.Wake();
        }
        return listener;
    }

    internal List<Wire.SubscriptionMessage> NewsOf(LogListener listener)
    {
        lock (_lock)
            return listener.Compare(_subscriptions);
    }

    /// <summary>A node begins to publish. Null: there is no such subscription, or it does not ask this node (any more).</summary>
    internal LogSubscription? Begin(string subscriptionId, string nodeId)
    {
        lock (_lock)
        {
            if (!_subscriptions.TryGetValue(subscriptionId, out var subscription) || !subscription.Wants(nodeId))
                return null;
            subscription.Begin(nodeId);
            return subscription;
        }
    }

    /// <summary>A node has published all it has, or failed to.</summary>
    internal void Done(LogSubscription subscription, string nodeId, string? failure)
    {
        lock (_lock)
            subscription.Done(nodeId, failure);
    }

    /// <summary>The stream has ended. A node that has no other cannot finish what it was asked for.</summary>
    private void Leave(LogListener listener)
    {
        lock (_lock)
        {
            var listeners = _listeners[listener.NodeId];
            listeners.Remove(listener);
            if (listeners.Count > 0)
                return;
            _listeners.Remove(listener.NodeId);
            foreach (var subscription in _subscriptions.Values)
                subscription.Done(listener.NodeId, $"node {listener.NodeId} disconnected unexpectedly");
        }
    }

    private LogSubscription Open(Wire.LogSelector selector, Wire.LogSubscriptionOptions options)
    {
        lock (_lock)
        {
            if (_stopping)
                throw Stopping();
            if (_subscriptions.Count >= _options.MaxLogReaders)
                throw new ControlException(ControlError.Unavailable, $"{_options.MaxLogReaders} readers of service logs are the most at a time; end some of them first");
            var subscription = new LogSubscription(NextId(), selector, options);
            _store.Read(state =>
            {
                subscription.Match(state);
                return 0;
            });
            _subscriptions.Add(subscription.Id, subscription);
            if (subscription.Follows)
                _following++;
            foreach (var nodeId in subscription.Nodes)
            {
                if (!Wake(nodeId))
                    subscription.Done(nodeId, $"node {nodeId} is not available");
            }
            subscription.EndWhenComplete();
            DispatchMetrics.LogReaders.Set(_subscriptions.Count);
            return subscription;
        }
    }

    private void Close(LogSubscription subscription)
    {
        lock (_lock)
        {
            _subscriptions.Remove(subscription.Id);
            if (subscription.Follows)
                _following--;
            // Whoever waits to write is let go.
            subscription.End(null);
            foreach (var nodeId in subscription.Nodes)
                Wake(nodeId);
            DispatchMetrics.LogReaders.Set(_subscriptions.Count);
        }
    }

    private void GiveUpOnSilent(LogSubscription subscription)
    {
        lock (_lock)
            subscription.GiveUpOnSilent(_options.LogPatience);
    }

    private void OnChanges(IReadOnlyList<Change> changes)
    {
        // On the apply thread: free of charge while nobody follows.
        if (_following == 0)
            return;
        lock (_lock)
        {
            var following = _subscriptions.Values.Where(s => s.Follows).ToList();
            foreach (var task in changes.OfType<TaskChange>().Select(c => c.New).OfType<TaskRecord>())
            {
                foreach (var subscription in following)
                {
                    if (subscription.Selects(task) && subscription.Add(task))
                        Wake(task.NodeId);
                }
            }
        }
    }

    private void OnReset()
    {
        lock (_lock)
        {
            foreach (var subscription in _subscriptions.Values.Where(s => s.Follows))
            {
                _store.Read(state =>
                {
                    subscription.Match(state);
                    return 0;
                });
                foreach (var nodeId in subscription.Nodes)
                    Wake(nodeId);
            }
        }
    }

    private bool Wake(string nodeId)
    {
        if (!_listeners.TryGetValue(nodeId, out var listeners))
            return false;
        foreach (var listener in listeners)
            listener.Wake();
        return true;
    }

    private static ControlException Stopping() => new(ControlError.Unavailable, "the manager of the cluster stops");

    private string NextId()
    {
        Span<byte> bytes = stackalloc byte[17];
        _random.NextBytes(bytes);
        return Wire.SwarmId.FromRandom(bytes);
    }
}
