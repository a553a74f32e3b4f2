using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Manager;

namespace Skep.Dispatch;

/// <summary>The nodes that hold a session with this manager, and their heartbeats.</summary>
public sealed class NodeSessions : IDisposable
{
    private readonly ConcurrentDictionary<string, NodeSession> _sessions = new();
    private readonly ConcurrentDictionary<string, ITimer> _expected = new();
    private readonly ConcurrentDictionary<string, Registrations> _registrations = new();
    private readonly IManager _manager;
    private readonly DispatchOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger<NodeSessions> _logger;
    private readonly IDisposable _subscription;

    /// <param name="manager">Where arrivals and losses are reported.</param>
    /// <param name="options">Times.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For jitter and session ids; used under a lock.</param>
    /// <param name="logger">For arrivals and losses.</param>
    public NodeSessions(IManager manager, DispatchOptions options, TimeProvider time, Random random, ILogger<NodeSessions> logger)
    {
        _manager = manager;
        _options = options;
        _time = time;
        _random = random;
        _logger = logger;
        _subscription = manager.Store.Subscribe(OnChanges);
    }

    public int Count => _sessions.Count;

    /// <summary>Registers a node: it becomes READY, and an earlier session of it ends.</summary>
    /// <exception cref="RpcException">Unavailable: too many registrations; NotFound, PermissionDenied: not a node of this cluster.</exception>
    public async Task<NodeSession> RegisterAsync(string nodeId, Wire.NodeDescription? description, string address, CancellationToken cancellation)
    {
        CheckRate(nodeId);
        await ArriveAsync(nodeId, description, address, cancellation);
        var session = new NodeSession(nodeId, NextSessionId(), Grace(), _time, OnSilence);
        _sessions.AddOrUpdate(nodeId, session, (_, old) =>
        {
            old.End();
            return session;
        });
        if (_expected.TryRemove(nodeId, out var waiting))
            waiting.Dispose();
        // The node may have been removed while it registered.
        if (!_manager.Store.Read(state => state.Nodes.ContainsKey(nodeId)))
            End(nodeId);
        _logger.LogInformation("node {NodeId} registered from {Address}", nodeId, address);
        DispatchMetrics.Sessions.Set(_sessions.Count);
        return session;
    }

    /// <summary>What the node says of itself has changed (labels, plugins), or it opened its stream again.</summary>
    public Task ArriveAsync(string nodeId, Wire.NodeDescription? description, string address, CancellationToken cancellation) =>
        RefusedCalls.TranslateAsync(_manager.SubmitAsync(new NodeArrived(nodeId, description, address), cancellation));

    /// <summary>The node's present session.</summary>
    /// <exception cref="RpcException">InvalidArgument "session invalid": the node must register again.</exception>
    public NodeSession Get(string nodeId, string sessionId) => Find(nodeId, sessionId)
        ?? throw new RpcException(new Status(StatusCode.InvalidArgument, "session invalid"));

    public NodeSession? Find(string nodeId, string sessionId) =>
        _sessions.TryGetValue(nodeId, out var session) && session.Id == sessionId && !session.Ended.IsCancellationRequested ? session : null;

    /// <summary>A heartbeat; returns when the next one is expected.</summary>
    public TimeSpan Beat(string nodeId, string sessionId)
    {
        var session = Get(nodeId, sessionId);
        var period = NextPeriod();
        session.Beat(period * _options.GraceFactor);
        return period;
    }

    /// <summary>
    /// A leader begins its term and doubts every node: those that hold a session are reported again, and those that do not register
    /// within twice the grace period are down.
    /// </summary>
    public void ExpectNodes()
    {
        foreach (var nodeId in _sessions.Keys)
            _ = _manager.SubmitAsync(new NodeArrived(nodeId, null, "")).ContinueWith(_ => { }, TaskScheduler.Default);
        // A node without a certificate has no engine: it is a manager's host alone, and holds no session.
        var nodes = _manager.Store.Read(state => state.Nodes.Values.Where(n => n.Certificate is not null && n.Status.State != Wire.NodeStatus.Types.State.Down).Select(n => n.Id).ToList());
        foreach (var nodeId in nodes.Where(id => !_sessions.ContainsKey(id)))
        {
            var timer = _time.CreateTimer(_ => OnNotBack(nodeId), null, NextPeriod() * _options.GraceFactor * 2, Timeout.InfiniteTimeSpan);
            if (!_expected.TryAdd(nodeId, timer))
                timer.Dispose();
        }
    }

    public void Dispose()
    {
        _subscription.Dispose();
        foreach (var timer in _expected.Values)
            timer.Dispose();
        foreach (var nodeId in _sessions.Keys)
            End(nodeId);
    }

    private void OnChanges(IReadOnlyList<State.Change> changes)
    {
        foreach (var change in changes)
        {
            if (change is State.NodeChange { Old: { } removed, New: null })
                End(removed.Id);
        }
    }

    private void OnSilence(NodeSession session)
    {
        if (!_sessions.TryRemove(KeyValuePair.Create(session.NodeId, session)))
            return;
        session.End();
        DispatchMetrics.Sessions.Set(_sessions.Count);
        DispatchMetrics.LateHeartbeats.Inc();
        _ = LoseAsync(session.NodeId);
    }

    private void OnNotBack(string nodeId)
    {
        if (_expected.TryRemove(nodeId, out var timer))
            timer.Dispose();
        if (!_sessions.ContainsKey(nodeId))
            _ = LoseAsync(nodeId);
    }

    private async Task LoseAsync(string nodeId)
    {
        _logger.LogWarning("node {NodeId} is down: no heartbeat", nodeId);
        try
        {
            await _manager.SubmitAsync(new NodeLost(nodeId, "heartbeat failure"));
        }
        catch (ControlException e)
        {
            // No leader now: the next one expects every node to register, and finds out by itself.
            _logger.LogWarning("could not report node {NodeId} as down: {Reason}", nodeId, e.Message);
        }
    }

    private void End(string nodeId)
    {
        if (_sessions.TryRemove(nodeId, out var session))
            session.End();
        _registrations.TryRemove(nodeId, out _);
        DispatchMetrics.Sessions.Set(_sessions.Count);
    }

    private void CheckRate(string nodeId)
    {
        var registrations = _registrations.GetOrAdd(nodeId, static _ => new Registrations());
        lock (registrations)
        {
            // By the clock that never jumps; and a refused one does not count as the last, or who keeps asking would never be let in.
            if (_time.GetElapsedTime(registrations.Last) > _options.RegistrationWindow)
                registrations.Count = 0;
            if (++registrations.Count > _options.MaxRegistrations)
                throw new RpcException(new Status(StatusCode.Unavailable, $"node {nodeId} exceeded rate limit count of registrations"));
            registrations.Last = _time.GetTimestamp();
        }
    }

    private TimeSpan Grace() => NextPeriod() * _options.GraceFactor;

    private TimeSpan NextPeriod()
    {
        var period = _manager.Store.Read(state => state.Cluster?.Spec.Dispatcher?.HeartbeatPeriod?.ToTimeSpan()) ?? TimeSpan.FromSeconds(5);
        if (period <= TimeSpan.Zero)
            period = TimeSpan.FromSeconds(5);
        lock (_random)
            return period + _options.HeartbeatJitter * (2 * _random.NextDouble() - 1);
    }

    private string NextSessionId()
    {
        Span<byte> bytes = stackalloc byte[17];
        lock (_random)
            _random.NextBytes(bytes);
        return Wire.SwarmId.FromRandom(bytes);
    }

    private sealed class Registrations
    {
        public long Last { get; set; }

        public int Count { get; set; }
    }
}
