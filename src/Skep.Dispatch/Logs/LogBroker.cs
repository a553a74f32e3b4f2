using System.Runtime.CompilerServices;
using Skep.Dispatch.LogSharing;
using Skep.Manager;
using Skep.State;

namespace Skep.Dispatch.Logs;

/// <summary>
/// Brings readers of logs and engines together: a reader's subscription is told to every node that runs a task of it (when
/// following: also to those that come to run one), and what these nodes publish goes to the reader. What nodes publish that are
/// connected to other managers comes from there.
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
    private readonly IManagerPeers _peers;
    private readonly IDisposable _changes;
    private readonly CancellationTokenSource _stop = new();
    private volatile int _following;
    private bool _stopping;

    /// <param name="store">Tells which nodes run what.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For subscription ids.</param>
    /// <param name="peers">The other managers.</param>
    public LogBroker(StateStore store, DispatchOptions options, TimeProvider time, Random random, IManagerPeers peers)
    {
        _store = store;
        _options = options;
        _time = time;
        _random = random;
        _peers = peers;
        Stopped = _stop.Token;
        _changes = store.Subscribe(OnChanges, OnReset);
    }

    /// <summary>Fires when the broker is disposed: streams end.</summary>
    internal CancellationToken Stopped { get; }

    public async IAsyncEnumerable<Wire.LogMessage> ReadAsync(Wire.LogSelector selector, Wire.LogSubscriptionOptions options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var subscription = Open(selector, options, share: null, _peers.Others.Count > 0);
        try
        {
            await using var patience = GiveUpOnSilentAfter(subscription, _options.LogPatience).ConfigureAwait(false);
            await using var elsewhere = new LogsElsewhere(this, subscription, _peers, _options, _time).ConfigureAwait(false);
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

    /// <summary>What the nodes send that are connected here, for a reader of another manager.</summary>
    internal async IAsyncEnumerable<LogShare> ShareAsync(LogShareRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var subscription = Open(request.Selector ?? new(), request.Options ?? new(), request.NodeIds.ToHashSet(), others: false);
        try
        {
            await using var patience = GiveUpOnSilentAfter(subscription, _options.LogPatience).ConfigureAwait(false);
            yield return new LogShare { AskedNodeIds = { AskedBy(subscription) } };
            await foreach (var messages in subscription.Messages.ReadAllAsync(cancellation).ConfigureAwait(false))
                yield return new LogShare { Messages = { messages } };
            yield return new LogShare { Failures = { subscription.Failures } };
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

    /// <summary>The nodes that have still to send and are not connected here.</summary>
    internal IReadOnlyList<string> Elsewhere(LogSubscription subscription)
    {
        lock (_lock)
            return [.. subscription.Waiting.Where(nodeId => !_listeners.ContainsKey(nodeId))];
    }

    /// <summary>Another manager has asked these nodes; it is patient with them itself.</summary>
    internal void BegunElsewhere(LogSubscription subscription, IEnumerable<string> nodeIds)
    {
        lock (_lock)
        {
            foreach (var nodeId in nodeIds)
                subscription.Begin(nodeId);
        }
    }

    /// <summary>A manager could not be asked, or not to the end.</summary>
    internal void Absent(LogSubscription subscription, string managerId)
    {
        lock (_lock)
            subscription.Absent(managerId);
    }

    /// <summary>All managers have said what they have: who is with none of them is missing.</summary>
    internal void EndElsewhere(LogSubscription subscription)
    {
        foreach (var nodeId in Elsewhere(subscription))
            Done(subscription, nodeId, $"node {nodeId} is not available");
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

    private LogSubscription Open(Wire.LogSelector selector, Wire.LogSubscriptionOptions options, IReadOnlySet<string>? share, bool others)
    {
        lock (_lock)
        {
            if (_stopping)
                throw Stopping();
            if (_subscriptions.Count >= _options.MaxLogReaders)
                throw new ControlException(ControlError.Unavailable, $"{_options.MaxLogReaders} readers of service logs are the most at a time; end some of them first");
            var subscription = new LogSubscription(NextId(), selector, options, share);
            _store.Read(state =>
            {
                subscription.Match(state);
                return 0;
            });
            _subscriptions.Add(subscription.Id, subscription);
            if (subscription.Follows)
                _following++;
            foreach (var nodeId in subscription.Nodes.ToList())
            {
                if (Wake(nodeId) || others)
                    continue;
                if (subscription.IsShare)
                    subscription.Forget(nodeId);
                else
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

    private ITimer GiveUpOnSilentAfter(LogSubscription subscription, TimeSpan patience) => _time.CreateTimer(_ =>
    {
        lock (_lock)
            subscription.GiveUpOnSilent(patience);
    }, null, patience, Timeout.InfiniteTimeSpan);

    private List<string> AskedBy(LogSubscription subscription)
    {
        lock (_lock)
            return [.. subscription.Nodes];
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
