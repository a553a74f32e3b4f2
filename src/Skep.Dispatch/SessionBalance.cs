using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Manager.Nodes;
using Skep.State;

namespace Skep.Dispatch;

/// <summary>
/// Keeps the nodes spread evenly over the managers. One that clearly holds more than its share (a tenth and two more than the mean) sends
/// nodes to those that hold the fewest, a few each second, until it is at the mean.
/// </summary>
/// <remarks>
/// An engine chooses its manager itself, by weights that it makes from what its sessions said. So it is told first, in a message of its own,
/// that only the one manager counts, and its session is ended a second later. The engine beside this manager stays, and so does who was
/// sent here lately. Each manager decides for itself, from the recorded sessions: what all give away together is what the others lack.
/// </remarks>
public sealed class SessionBalance : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly List<NodeSession> _told = [];
    private readonly List<(NodeSession Session, string Target, DateTimeOffset Until)> _underway = [];
    private readonly IManager _manager;
    private readonly NodeSessions _sessions;
    private readonly NodeFeeds _feeds;
    private readonly DispatchOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<SessionBalance> _logger;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private bool _giving;
    private bool _ended;

    /// <param name="manager">This manager.</param>
    /// <param name="sessions">Its sessions.</param>
    /// <param name="feeds">The way to tell a node.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">When it begins and ends to send nodes away.</param>
    public SessionBalance(IManager manager, NodeSessions sessions, NodeFeeds feeds, DispatchOptions options, TimeProvider time, ILogger<SessionBalance> logger)
    {
        _manager = manager;
        _sessions = sessions;
        _feeds = feeds;
        _options = options;
        _time = time;
        _logger = logger;
        _timer = time.CreateTimer(_ => Tick(), null, Period, Period);
    }

    public void Dispose()
    {
        lock (_lock)
            _ended = true;
        _timer.Dispose();
    }

    private void Tick()
    {
        // A tick that takes longer than the period makes the next one wait.
        lock (_lock)
        {
            if (_ended)
                return;
            foreach (var session in _told)
                _sessions.Release(session);
            _told.Clear();
            ForgetArrived();
            Give();
        }
    }

    private void Give()
    {
        // The usual case costs nothing: the recorded sessions are only counted if this manager may hold too many.
        var (managers, recorded) = _manager.Store.Read(state => (state.Managers.Count, state.Sessions.Count));
        if (managers < 2 || (!_giving && !IsTooMany(_sessions.Count, (double)recorded / managers)))
            return;
        var counts = _manager.Store.Read(SessionShares.Count);
        if (!counts.ContainsKey(_manager.Self.Id))
            return;
        counts[_manager.Self.Id] = _sessions.Count;
        foreach (var (_, target, _) in _underway.Where(move => counts.ContainsKey(move.Target)))
            counts[target]++;
        var mean = (double)counts.Values.Sum() / counts.Count;
        if (IsTooMany(_sessions.Count, mean) && !_giving)
        {
            _giving = true;
            _logger.LogInformation("{Count} nodes are connected to this manager, its share is {Share:0}: some are sent to others", _sessions.Count, mean);
        }
        var surplus = _sessions.Count - (int)Math.Ceiling(mean);
        if (_giving && surplus > 0)
            Send(counts, Math.Clamp(surplus / 20, 1, _options.MaxMovesPerSecond));
        else
            _giving = false;
    }

    private void Send(Dictionary<string, int> counts, int number)
    {
        var now = _time.GetUtcNow();
        counts.Remove(_manager.Self.Id);
        var (own, patience) = _manager.Store.Read(state => (state.Managers[_manager.Self.Id].NodeId, Heartbeats.TimeToReturn(state)));
        foreach (var session in _sessions.All.Where(session => session.NodeId != own && session.MovableFrom <= now).Take(number))
        {
            var target = counts.MinBy(pair => pair.Value).Key;
            counts[target]++;
            session.MovesTo = target;
            _feeds.Wake(session.NodeId);
            _told.Add(session);
            _underway.Add((session, target, now + patience));
        }
        DispatchMetrics.MovedSessions.Inc(_told.Count);
    }

    /// <summary>Nodes that have arrived somewhere are counted there by the state.</summary>
    private void ForgetArrived()
    {
        var now = _time.GetUtcNow();
        if (_underway.Count > 0)
            _manager.Store.Read(state => _underway.RemoveAll(move => move.Until <= now || !IsRecorded(state, move.Session)));
    }

    private static bool IsRecorded(ClusterState state, NodeSession session) =>
        state.Sessions.TryGetValue(session.NodeId, out var recorded) && recorded.SessionId == session.Id;

    private static bool IsTooMany(int count, double mean) => count > mean * 1.1 + 2;
}
