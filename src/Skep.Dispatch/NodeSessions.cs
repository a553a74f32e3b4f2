using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Manager.Nodes;
using Skep.State;

namespace Skep.Dispatch;

/// <summary>The nodes that hold a session with this manager, and their heartbeats.</summary>
/// <remarks>
/// The state records which session a node opened last, with whichever manager: a session here lives only as long as it is that one. What
/// must be reported (losses, sessions that the leader doubts) is repeated until the state shows it, whoever leads.
/// </remarks>
public sealed class NodeSessions : IDisposable
{
    private readonly ConcurrentDictionary<string, NodeSession> _sessions = new();
    private readonly ConcurrentDictionary<string, Registrations> _registrations = new();
    // Held by whoever lets a session begin or end for what the state says: the two must be seen together.
    private readonly Lock _changing = new();
    private readonly CancellationTokenSource _stop = new();
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
        _subscription = manager.Store.Subscribe(OnChanges, OnReset);
    }

    public int Count => _sessions.Count;

    /// <summary>The sessions that live, in no order.</summary>
    internal IEnumerable<NodeSession> All => _sessions.Select(pair => pair.Value);

    /// <summary>Registers a node: it becomes READY, and an earlier session of it, here or with another manager, ends.</summary>
    /// <exception cref="RpcException">
    /// Unavailable: too many registrations, no leader, this manager is new and not known yet, or the node registered once more meanwhile; NotFound, PermissionDenied: not a node of this
    /// cluster, as the leader knows.
    /// </exception>
    public async Task<NodeSession> RegisterAsync(string nodeId, Wire.NodeDescription? description, string address, CancellationToken cancellation)
    {
        // Before the rate: a manager that has just joined refuses the engine beside it until the cluster knows this run of it, and the
        // engine knows no other. Counted, its attempts would keep it out for good.
        RequireServing();
        CheckRate(nodeId);
        var sessionId = NextSessionId();
        // Who comes from a manager that lives was perhaps sent here by it.
        var mayStay = _manager.Store.Read(state => state.Sessions.TryGetValue(nodeId, out var earlier) && SessionHolder.Of(state, earlier) is { } holder && SessionHolder.Lives(holder));
        await ArriveAsync(nodeId, sessionId, description, address, cancellation);
        var session = new NodeSession(nodeId, sessionId, Grace(), _time, OnSilence)
        {
            MovableFrom = _time.GetUtcNow() + (mayStay ? _options.TimeBetweenMoves : TimeSpan.Zero),
        };
        lock (_changing)
        {
            if (RecordedOf(nodeId) != sessionId)
            {
                session.End();
                throw new RpcException(new Status(StatusCode.Unavailable, $"node {nodeId} was removed or has registered once more meanwhile"));
            }
            End(nodeId);
            _sessions[nodeId] = session;
        }
        // The leader may have doubted it as soon as it arrived, while this manager was still out of reach for it; what came before the session was here found nobody.
        if (_manager.Store.Read(state => IsRecorded(state, session) && IsDoubted(state.Nodes[nodeId])))
            SayHeld(session);
        _logger.LogInformation("node {NodeId} registered from {Address}", nodeId, address);
        DispatchMetrics.Sessions.Set(_sessions.Count);
        return session;
    }

    /// <summary>A node opened a session, or its stream anew; what it says of itself (labels, plugins) may have changed.</summary>
    public Task ArriveAsync(string nodeId, string sessionId, Wire.NodeDescription? description, string address, CancellationToken cancellation) =>
        RefusedCalls.TranslateAsync(_manager.SubmitAsync(new NodeArrived(nodeId, description, address, _manager.Self.Run, sessionId), cancellation));

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

    /// <summary>Ends a session so that its node goes to another manager. If the node does not arrive anywhere, it is lost like one that fell silent.</summary>
    internal void Release(NodeSession session)
    {
        if (!_sessions.TryRemove(KeyValuePair.Create(session.NodeId, session)))
            return;
        session.End();
        DispatchMetrics.Sessions.Set(_sessions.Count);
        _ = LoseUnlessItArrivesAsync(session);
    }

    /// <summary>Ends every session; the nodes go elsewhere. Nothing is reported: who is cut off has nobody to tell, and who leads misses them by himself.</summary>
    internal void ReleaseAll()
    {
        foreach (var nodeId in _sessions.Keys)
            End(nodeId);
    }

    /// <summary>The sessions that the state says are here and are not, of nodes that are not down.</summary>
    internal HashSet<(string NodeId, string SessionId)> UnheldIn(ClusterState state) => [.. state.Sessions.Values
        .Where(recorded => recorded.Run == _manager.Self.Run
            && !(_sessions.TryGetValue(recorded.NodeId, out var here) && here.Id == recorded.SessionId)
            && state.Nodes.ContainsKey(recorded.NodeId) && !IsDown(state, recorded.NodeId))
        .Select(recorded => (recorded.NodeId, recorded.SessionId))];

    /// <summary>The node did not come back from a session that is not here any more.</summary>
    internal void Lose(string nodeId, string sessionId)
    {
        _logger.LogWarning("node {NodeId} is down: it has left this manager and come to no other", nodeId);
        _ = LoseAsync(nodeId, sessionId);
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _stop.Cancel();
        foreach (var nodeId in _sessions.Keys)
            End(nodeId);
        _stop.Dispose();
    }

    private void OnChanges(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
        {
            switch (change)
            {
                case SessionChange { New: { } recorded }:
                    EndUnless(recorded.NodeId, recorded.SessionId);
                    break;
                case NodeChange { Old: { } removed, New: null }:
                    EndUnless(removed.Id, null);
                    _registrations.TryRemove(removed.Id, out _);
                    break;
                case NodeChange { New: { } node } when IsDoubted(node) && _sessions.TryGetValue(node.Id, out var session):
                    SayHeld(session);
                    break;
            }
        }
    }

    // The state was replaced by one that is further on: all that it says of sessions here may be news.
    private void OnReset()
    {
        foreach (var session in _sessions.Values)
        {
            EndUnless(session.NodeId, RecordedOf(session.NodeId));
            SayHeld(session);
        }
    }

    /// <summary>Ends the node's session here if the state records another one, or none. Nothing is reported: the node is not lost.</summary>
    private void EndUnless(string nodeId, string? recorded)
    {
        if (!_sessions.ContainsKey(nodeId))
            return;
        lock (_changing)
        {
            if (_sessions.TryGetValue(nodeId, out var session) && session.Id != recorded)
                End(nodeId);
        }
    }

    /// <summary>
    /// A node is not silent while its words lie unread: a manager that is behind would take live nodes for lost, and the new places of their tasks would put it
    /// further behind. A connection of which nothing is read for long is closed by the server (RpcConnection), so this ends.
    /// </summary>
    private void OnSilence(NodeSession session)
    {
        if (session.HasUnread())
        {
            session.Beat(_options.UnreadPatience);
            return;
        }
        if (!_sessions.TryRemove(KeyValuePair.Create(session.NodeId, session)))
            return;
        session.End();
        DispatchMetrics.Sessions.Set(_sessions.Count);
        DispatchMetrics.LateHeartbeats.Inc();
        _logger.LogWarning("node {NodeId} is down: no heartbeat", session.NodeId);
        _ = LoseAsync(session.NodeId, session.Id);
    }

    private async Task LoseUnlessItArrivesAsync(NodeSession session)
    {
        try
        {
            await Task.Delay(_manager.Store.Read(Heartbeats.TimeToReturn), _time, _stop.Token);
            await LoseAsync(session.NodeId, session.Id);
        }
        catch (OperationCanceledException)
        {
            // This manager stops: its sessions end with its run.
        }
    }

    private Task LoseAsync(string nodeId, string sessionId) =>
        RepeatAsync(new NodeLost(nodeId, sessionId, "heartbeat failure"), state => IsRecorded(state, nodeId, sessionId) && !IsDown(state, nodeId));

    /// <summary>The leader doubts a node whose session lives here (this manager was out of reach for a while): it is told so.</summary>
    private void SayHeld(NodeSession session)
    {
        if (session.BeginReport())
            // Not on the thread that applies the log.
            _ = Waiting.Start(() => SayHeldAsync(session));
    }

    private async Task SayHeldAsync(NodeSession session)
    {
        bool Needed(ClusterState state) => !session.Ended.IsCancellationRequested && IsRecorded(state, session) && IsDoubted(state.Nodes[session.NodeId]);
        await RepeatAsync(new NodeHeld(session.NodeId, session.Id), Needed);
        session.EndReport();
        // What changed between the last look and here.
        if (!_stop.IsCancellationRequested && _manager.Store.Read(Needed))
            SayHeld(session);
    }

    /// <summary>Says it to the leader of the day, again and again, until the state shows that it is no longer needed.</summary>
    private async Task RepeatAsync(Input<None> input, Func<ClusterState, bool> needed)
    {
        try
        {
            var stop = _stop.Token;
            for (var wait = _options.FirstRepeat; _manager.Store.Read(needed); wait = wait * 2 < _options.LastRepeat ? wait * 2 : _options.LastRepeat)
            {
                try
                {
                    await _manager.SubmitAsync(input, stop);
                    if (!_manager.Store.Read(needed))
                        return;
                }
                catch (ControlException e)
                {
                    _logger.LogWarning("a report about a node is repeated ({Input}): {Reason}", input, e.Message);
                }
                await Task.Delay(wait, _time, stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // This manager stops: its sessions end with its run, and the leader sees that.
        }
    }

    private void End(string nodeId)
    {
        if (_sessions.TryRemove(nodeId, out var session))
            session.End();
        DispatchMetrics.Sessions.Set(_sessions.Count);
    }

    private string? RecordedOf(string nodeId) => _manager.Store.Read(state => state.Sessions.GetValueOrDefault(nodeId)?.SessionId);

    private static bool IsRecorded(ClusterState state, NodeSession session) => IsRecorded(state, session.NodeId, session.Id);

    private static bool IsRecorded(ClusterState state, string nodeId, string sessionId) =>
        state.Sessions.TryGetValue(nodeId, out var recorded) && recorded.SessionId == sessionId;

    private static bool IsDoubted(Wire.Node node) => node.Status?.State is Wire.NodeStatus.Types.State.Unknown or Wire.NodeStatus.Types.State.Down;

    private static bool IsDown(ClusterState state, string nodeId) => state.Nodes[nodeId].Status?.State == Wire.NodeStatus.Types.State.Down;

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

    /// <summary>A session counts only if the state knows this run of this manager as one that serves: else it would be missed as soon as it is recorded.</summary>
    private void RequireServing()
    {
        if (!_manager.Store.Read(state => state.Managers.TryGetValue(_manager.Self.Id, out var self) && self.IsMember && self.Run == _manager.Self.Run))
            throw new RpcException(new Status(StatusCode.Unavailable, "this manager does not serve nodes now; try another one"));
    }

    private TimeSpan Grace() => NextPeriod() * _options.GraceFactor;

    private TimeSpan NextPeriod()
    {
        var period = _manager.Store.Read(Heartbeats.PeriodOf);
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
