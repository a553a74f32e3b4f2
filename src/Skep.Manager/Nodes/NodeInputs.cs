using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>Nodes join, arrive and are lost.</summary>
internal static class NodeInputs
{
    public static void CertificateIssued(Turn turn, CertificateIssued issued)
    {
        // A node that is removed while it renews must not come back with the answer.
        if (turn.State.Cluster?.BlacklistedCertificates.ContainsKey(issued.NodeId) == true)
            throw new ControlException(ControlError.NotFound, $"node {issued.NodeId} not found when attempting to renew certificate");
        var node = turn.State.Nodes.GetValueOrDefault(issued.NodeId)?.Clone() ?? new Wire.Node
        {
            Id = issued.NodeId,
            Role = issued.Certificate.Role,
            Spec = new Wire.NodeSpec
            {
                DesiredRole = issued.Certificate.Role,
                Membership = Wire.NodeSpec.Types.Membership.Accepted,
                Availability = issued.Availability,
            },
            Status = new Wire.NodeStatus { State = Wire.NodeStatus.Types.State.Unknown },
            VXLANUDPPort = turn.State.Cluster?.VXLANUDPPort ?? 0,
        };
        node.Certificate = issued.Certificate.Clone();
        node.VXLANUDPPort = turn.State.Cluster?.VXLANUDPPort ?? 0;
        turn.Emit(new Mutation { PutNode = new PutNode { Node = node } });
    }

    public static void HostWithoutEngine(Turn turn, HostWithoutEngine host) => turn.Emit(new Mutation
    {
        PutNode = new PutNode
        {
            Node = new Wire.Node
            {
                Id = host.NodeId,
                Role = Wire.NodeRole.Manager,
                Spec = turn.State.Nodes.GetValueOrDefault(host.NodeId)?.Spec ?? new Wire.NodeSpec
                {
                    Annotations = new Wire.Annotations(),
                    DesiredRole = Wire.NodeRole.Manager,
                    Membership = Wire.NodeSpec.Types.Membership.Accepted,
                    Availability = Wire.NodeSpec.Types.Availability.Drain,
                },
                Description = new Wire.NodeDescription { Hostname = host.Hostname, Platform = new Wire.Platform { Os = "linux" }, Resources = new Wire.Resources(), Engine = new Wire.EngineDescription(), TlsInfo = turn.State.Managers.GetValueOrDefault(host.NodeId)?.TlsInfo },
                Status = new Wire.NodeStatus { State = Wire.NodeStatus.Types.State.Ready, Addr = host.Address },
            },
        },
    });

    public static void Arrived(Turn turn, NodeArrived arrived)
    {
        var present = Find(turn, arrived.NodeId);
        if (present.Spec.Membership != Wire.NodeSpec.Types.Membership.Accepted)
            throw new ControlException(ControlError.PermissionDenied, "node is not accepted");
        var session = turn.State.Sessions.GetValueOrDefault(arrived.NodeId);
        if (arrived.SessionId.Length > 0 && (session?.SessionId != arrived.SessionId || session.Run != arrived.Run))
            turn.Emit(new Mutation { SetNodeSession = new HeldSession { NodeId = arrived.NodeId, Run = arrived.Run, SessionId = arrived.SessionId } });
        if (arrived.Description is { } description && !description.Equals(present.Description))
        {
            var node = present.Clone();
            node.Description = description.Clone();
            node.Status = new Wire.NodeStatus { State = Wire.NodeStatus.Types.State.Ready, Addr = arrived.Address };
            turn.Emit(new Mutation { PutNode = new PutNode { Node = node } });
        }
        else if (present.Status.State != Wire.NodeStatus.Types.State.Ready || (arrived.Address.Length > 0 && present.Status.Addr != arrived.Address))
        {
            turn.Emit(new Mutation { SetNodeStatus = new SetNodeStatus { NodeId = arrived.NodeId, State = Wire.NodeStatus.Types.State.Ready, Addr = arrived.Address } });
        }
    }

    public static void Held(Turn turn, NodeHeld held)
    {
        if (!turn.State.Nodes.TryGetValue(held.NodeId, out var node) || turn.State.Sessions.GetValueOrDefault(held.NodeId) is not { } session
            || session.SessionId != held.SessionId || node.Status?.State == Wire.NodeStatus.Types.State.Ready)
            return;
        // Its manager asks again: taken now, the node would be doubted at once.
        if (SessionHolder.Of(turn.State, session) is not { } holder || !SessionHolder.Lives(holder))
            throw new ControlException(ControlError.Unavailable, $"the manager that holds the session of node {held.NodeId} is not reachable for the leader");
        turn.Emit(new Mutation { SetNodeStatus = new SetNodeStatus { NodeId = held.NodeId, State = Wire.NodeStatus.Types.State.Ready } });
    }

    public static void LeadershipBegan(Turn turn, LeadershipBegan began)
    {
        if (!turn.State.Managers.TryGetValue(began.ManagerId, out var present) || (present.Run == began.Run && present.KnownFormat == ClusterState.Format && !present.Unreachable))
            return;
        var manager = present.Clone();
        manager.Begin(began.Run, ClusterState.Format);
        manager.Unreachable = false;
        turn.Emit(new Mutation { PutManager = new PutManager { Manager = manager } });
    }

    public static void Lost(Turn turn, NodeLost lost)
    {
        // A node that was removed meanwhile is lost for good; one that registered elsewhere is not lost at all.
        if (!turn.State.Nodes.TryGetValue(lost.NodeId, out var node) || node.Status?.State == Wire.NodeStatus.Types.State.Down
            || (turn.State.Sessions.GetValueOrDefault(lost.NodeId)?.SessionId ?? "") != lost.SessionId)
            return;
        turn.Emit(new Mutation { SetNodeStatus = new SetNodeStatus { NodeId = lost.NodeId, State = Wire.NodeStatus.Types.State.Down, Message = lost.Message } });
    }

    private static Wire.Node Find(Turn turn, string nodeId) =>
        turn.State.Nodes.GetValueOrDefault(nodeId) ?? throw new ControlException(ControlError.NotFound, $"node {nodeId} not found");
}
