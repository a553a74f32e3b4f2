using Skep.State;
using Skep.Wire;
using Version = Skep.Wire.Version;

namespace Skep.Dispatch;

/// <summary>What a node is told of itself and of the cluster.</summary>
internal static class SessionMessages
{
    /// <summary>
    /// What one word of a manager weighs with an engine: stock's DefaultObservationWeight. An engine halves the way to it with each message,
    /// takes as much away from the manager whose session ended, and chooses the next one in proportion; what is not above 0 it leaves alone.
    /// </summary>
    private const int Weight = 10;

    /// <summary>Null when the node is no longer there.</summary>
    public static SessionMessage? Make(ClusterState state, NodeSession session)
    {
        if (state.Cluster is not { } cluster || !state.Nodes.TryGetValue(session.NodeId, out var node))
            return null;
        var message = new SessionMessage
        {
            SessionId = session.Id,
            Node = ForSession(node),
            RootCA = cluster.RootCa.CaCert,
        };
        // Every address here needs an engine of the cluster beside it: nodes seed their gossip with it (port 7946).
        var managers = SessionShares.ServingManagers(state);
        var target = managers.FirstOrDefault(manager => manager.Id == session.MovesTo);
        foreach (var manager in managers)
            message.Managers.Add(new WeightedPeer { Peer = new Peer { NodeId = manager.NodeId, Addr = manager.Addr }, Weight = target is null || manager == target ? Weight : -Weight });
        message.NetworkBootstrapKeys.AddRange(cluster.NetworkBootstrapKeys);
        return message;
    }

    // To itself every engine is a worker, the one beside a skepd too: an engine that saw itself as a manager would renew its
    // certificate as one and start SwarmKit's Raft. Status, description and certificate are the manager's own business;
    // leaving them out spares a message each time they change.
    private static Node ForSession(Node node)
    {
        var copy = new Node
        {
            Id = node.Id,
            Meta = new Meta { Version = new Version() },
            Spec = node.Spec.Clone(),
            Status = new NodeStatus { State = NodeStatus.Types.State.Ready },
            Role = NodeRole.Worker,
            Attachment = node.Attachment,
            VXLANUDPPort = node.VXLANUDPPort,
            Certificate = new Certificate { Role = NodeRole.Worker, Status = node.Certificate?.Status },
        };
        copy.Spec.DesiredRole = NodeRole.Worker;
        copy.Attachments.AddRange(node.Attachments);
        return copy;
    }
}
