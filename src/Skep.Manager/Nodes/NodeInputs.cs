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

    public static void LeadershipBegan(Turn turn)
    {
        foreach (var node in turn.State.Nodes.Values.ToList())
        {
            // A host without an engine has no session that could make it READY again.
            if (node.Status?.State == Wire.NodeStatus.Types.State.Down || turn.State.Managers.ContainsKey(node.Id))
                continue;
            turn.Emit(new Mutation
            {
                SetNodeStatus = new SetNodeStatus
                {
                    NodeId = node.Id,
                    State = Wire.NodeStatus.Types.State.Unknown,
                    Message = "Node moved to \"unknown\" state due to leadership change in cluster",
                },
            });
        }
    }

    public static void Lost(Turn turn, NodeLost lost)
    {
        // A node that was removed meanwhile is lost for good; there is nothing to say of it.
        if (!turn.State.Nodes.TryGetValue(lost.NodeId, out var node) || node.Status.State == Wire.NodeStatus.Types.State.Down)
            return;
        turn.Emit(new Mutation { SetNodeStatus = new SetNodeStatus { NodeId = lost.NodeId, State = Wire.NodeStatus.Types.State.Down, Message = lost.Message } });
    }

    private static Wire.Node Find(Turn turn, string nodeId) =>
        turn.State.Nodes.GetValueOrDefault(nodeId) ?? throw new ControlException(ControlError.NotFound, $"node {nodeId} not found");
}
