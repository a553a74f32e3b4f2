using Skep.Dispatch.Leader;
using Skep.Manager;
using Skep.Manager.Nodes;

namespace Skep.Dispatch;

/// <summary>
/// Sessions that the state says are with this manager, and are not: a node went away while it registered, and the log took its arrival all the same (a leader without
/// a majority may learn of it much later); or this manager was cut off, let all go, and was back before anybody missed it. Nobody else would ever find out that such a
/// node is gone. One that does not come back in time is reported lost.
/// </summary>
public sealed class UnheldSessions : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2.5);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string NodeId, string SessionId), long> _since = [];
    private readonly HashSet<(string NodeId, string SessionId)> _reported = []; // each is said until the state shows it, so it is handed over once
    private readonly ILeaderLocator _locator;
    private readonly IManager _manager;
    private readonly NodeSessions _sessions;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;

    public UnheldSessions(ILeaderLocator locator, IManager manager, NodeSessions sessions, TimeProvider time)
    {
        (_locator, _manager, _sessions, _time) = (locator, manager, sessions, time);
        _timer = time.CreateTimer(_ => Look(), null, Period, Period);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        try
        {
            lock (_lock)
            {
                foreach (var (nodeId, sessionId) in Overdue())
                    _sessions.Lose(nodeId, sessionId);
            }
        }
        catch (ObjectDisposedException)
        {
            // This manager stops: its sessions end with its run, and the leader sees that.
        }
    }

    private List<(string NodeId, string SessionId)> Overdue()
    {
        // Without a leader the state may be old, and nobody could be told.
        if (!_locator.HasLeader)
        {
            _since.Clear();
            return [];
        }
        var (unheld, patience) = _manager.Store.Read(state => (_sessions.UnheldIn(state), Heartbeats.TimeToReturn(state)));
        _reported.IntersectWith(unheld);
        unheld.ExceptWith(_reported);
        foreach (var returned in _since.Keys.Except(unheld).ToList())
            _since.Remove(returned);
        var now = _time.GetTimestamp();
        var overdue = unheld.Where(session => !_since.TryAdd(session, now) && _time.GetElapsedTime(_since[session], now) >= patience).OrderBy(session => session.NodeId, StringComparer.Ordinal).ToList();
        _reported.UnionWith(overdue);
        return overdue;
    }
}
