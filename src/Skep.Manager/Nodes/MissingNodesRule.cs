using Skep.State;
using NodeState = Skep.Wire.NodeStatus.Types.State;

namespace Skep.Manager.Nodes;

/// <summary>
/// A node whose session went with the manager that held it is UNKNOWN until it registers elsewhere, and DOWN if it takes too long. Who
/// holds the session of a node that falls silent reports it himself (<see cref="NodeLost"/>); this rule stands in for holders that
/// cannot report any more. Nodes whose holder lives are left alone by a change of leader.
/// </summary>
/// <remarks>
/// A host without an engine has no session: it is READY or DOWN as its manager is reachable or not. Cost: O(1) for each change of a
/// node, O(nodes) when a manager comes or goes.
/// </remarks>
public sealed class MissingNodesRule : IRule
{
    private const string LeadershipMessage = "Node moved to \"unknown\" state due to leadership change in cluster";

    private readonly WorkSet<string> _nodes = new();
    private readonly Dictionary<string, DateTimeOffset> _deadlines = [];
    private readonly PriorityQueue<string, DateTimeOffset> _timers = new();
    private bool _managersChanged;
    private bool _termBegins;

    public bool HasWork => _managersChanged || _nodes.Count > 0;

    public DateTimeOffset? NextDue => _timers.TryPeek(out _, out var due) ? due : null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _deadlines.Clear();
        _timers.Clear();
        _nodes.Clear();
        foreach (var nodeId in state.Nodes.Keys)
            _nodes.Add(nodeId);
        _managersChanged = false;
        _termBegins = true;
    }

    public void Note(Change change)
    {
        switch (change)
        {
            case NodeChange node:
                _nodes.Add((node.New ?? node.Old!).Id);
                break;
            case SessionChange { New: { } session }:
                _nodes.Add(session.NodeId);
                break;
            case ManagerChange { Old: var old, New: var manager } when old?.Run != manager?.Run || old?.Unreachable != manager?.Unreachable || old?.Standby != manager?.Standby:
                _managersChanged = true;
                break;
        }
    }

    public void Run(Turn turn)
    {
        if (_managersChanged)
        {
            foreach (var nodeId in turn.State.Nodes.Keys)
                _nodes.Add(nodeId);
            _managersChanged = false;
        }
        while (!turn.Exhausted && _nodes.TryTake(out var nodeId))
        {
            if (turn.State.Nodes.TryGetValue(nodeId, out var node))
                Look(turn, node);
            else
                _deadlines.Remove(nodeId);
        }
        if (_nodes.Count == 0)
            _termBegins = false;
        while (!turn.Exhausted && _timers.TryPeek(out var missing, out var due) && due <= turn.Now)
        {
            _timers.Dequeue();
            // The timer of a node that came back meanwhile is void.
            if (_deadlines.TryGetValue(missing, out var deadline) && deadline == due && _deadlines.Remove(missing))
                Set(turn, missing, NodeState.Down, "heartbeat failure");
        }
    }

    private void Look(Turn turn, Wire.Node node)
    {
        // Without a certificate there is no engine, and so no session.
        if (node.Certificate is null)
            FollowManager(turn, node);
        else if (node.Status?.State == NodeState.Unknown)
            Await(turn, node.Id);
        else if (node.Status?.State == NodeState.Ready && Doubt(turn.State, node.Id) is { } reason)
            Miss(turn, node.Id, reason);
        else
            _deadlines.Remove(node.Id);
    }

    private void Miss(Turn turn, string nodeId, string reason)
    {
        Await(turn, nodeId);
        Set(turn, nodeId, NodeState.Unknown, reason);
    }

    private void Await(Turn turn, string nodeId)
    {
        // A node that was just created and has never come is not missed, until a leader begins who cannot tell the difference.
        if (!_termBegins && !turn.State.Sessions.ContainsKey(nodeId))
            return;
        var deadline = turn.Now + Heartbeats.TimeToReturn(turn.State);
        if (_deadlines.TryAdd(nodeId, deadline))
            _timers.Enqueue(nodeId, deadline);
    }

    /// <summary>Why the node's session cannot be there any more; null: it can.</summary>
    private string? Doubt(ClusterState state, string nodeId)
    {
        if (!state.Sessions.TryGetValue(nodeId, out var session))
            return _termBegins ? LeadershipMessage : null;
        var holder = SessionHolder.Of(state, session);
        if (holder is not null && SessionHolder.Lives(holder))
            return null;
        if (holder is { Unreachable: true })
            return $"Node moved to \"unknown\" state: manager {holder.Id} at {holder.Addr}, which holds its session, cannot be reached";
        return _termBegins ? LeadershipMessage : "Node moved to \"unknown\" state: the manager that held its session was restarted or has left";
    }

    private static void FollowManager(Turn turn, Wire.Node host)
    {
        if (!turn.State.Managers.TryGetValue(host.Id, out var manager))
            return;
        var wanted = manager.Unreachable ? NodeState.Down : NodeState.Ready;
        if (host.Status?.State != wanted)
            Set(turn, host.Id, wanted, manager.Unreachable ? "heartbeat failure" : "");
    }

    private static void Set(Turn turn, string nodeId, NodeState state, string message) =>
        turn.Emit(new Mutation { SetNodeStatus = new SetNodeStatus { NodeId = nodeId, State = state, Message = message } });
}
