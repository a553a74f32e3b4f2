using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>Nodes join, arrive and are lost.</summary>
internal static class NodeInputs
{
    public static void CertificateIssued(Turn turn, CertificateIssued issued)
    {
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
        };
        node.Certificate = issued.Certificate.Clone();
        turn.Emit(new Mutation { PutNode = new PutNode { Node = node } });
    }

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
        else if (present.Status.State != Wire.NodeStatus.Types.State.Ready || present.Status.Addr != arrived.Address)
        {
            turn.Emit(new Mutation { SetNodeStatus = new SetNodeStatus { NodeId = arrived.NodeId, State = Wire.NodeStatus.Types.State.Ready, Addr = arrived.Address } });
        }
    }

    public static void LeadershipBegan(Turn turn)
    {
        foreach (var node in turn.State.Nodes.Values.Where(node => node.Status?.State != Wire.NodeStatus.Types.State.Down).ToList())
        {
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
