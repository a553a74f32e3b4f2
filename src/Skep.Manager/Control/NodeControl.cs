using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Skep.Manager.Nodes;
using Skep.State;

namespace Skep.Manager.Control;

/// <summary>docker node update, promote, demote, rm.</summary>
internal static class NodeControl
{
    /// <summary>How long a removed node stays locked out after its certificate has expired.</summary>
    private static readonly TimeSpan ExpiredCertificateGrace = TimeSpan.FromDays(7);

    public static Wire.UpdateNodeResponse Update(Turn turn, Wire.UpdateNodeRequest request)
    {
        if (request.NodeId.Length == 0 || request.NodeVersion is null || request.Spec is null)
            throw Refusals.InvalidArgument();
        var present = turn.State.Nodes.GetValueOrDefault(request.NodeId) ?? throw Refusals.NotFound("node", request.NodeId);
        if (turn.State.Managers.ContainsKey(present.Id) && request.Spec.Availability != Wire.NodeSpec.Types.Availability.Drain)
            throw Refusals.FailedPrecondition($"node {present.Id} has no engine that could run tasks: its availability stays drain");
        Refusals.ThrowIfOutOfSequence(request.NodeVersion, present.Meta);
        ChangeRole(turn, request);
        var node = present.Clone();
        node.Spec = request.Spec.Clone();
        // The engine of a manager's host joined as a worker and stays one: its certificate's role is not what a client sees or sets.
        node.Spec.DesiredRole = present.Spec.DesiredRole;
        // Docker's API does not carry the membership: a node that was accepted stays so.
        if (present.Spec.Membership == Wire.NodeSpec.Types.Membership.Accepted)
            node.Spec.Membership = present.Spec.Membership;
        turn.Emit(new Mutation { PutNode = new PutNode { Node = node } });
        return new Wire.UpdateNodeResponse { Node = turn.State.Nodes[node.Id] };
    }

    public static Wire.RemoveNodeResponse Remove(Turn turn, Wire.RemoveNodeRequest request)
    {
        if (request.NodeId.Length == 0)
            throw Refusals.InvalidArgument();
        var node = turn.State.Nodes.GetValueOrDefault(request.NodeId) ?? throw Refusals.NotFound("node", request.NodeId);
        var manager = ManagerOn(turn.State, node.Id);
        if (manager is { IsMember: true })
            throw Refusals.FailedPrecondition($"node {node.Id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal");
        if (!request.Force && node.Status?.State == Wire.NodeStatus.Types.State.Ready)
            throw Refusals.FailedPrecondition($"node {node.Id} is not down and can't be removed");
        if (turn.State.Cluster is null)
            throw new ControlException(ControlError.Internal, "could not fetch cluster object");
        LockOut(turn, node);
        if (manager is not null)
            ManagerInputs.Remove(turn, manager.Id);
        OrphanTasks(turn, node.Id);
        turn.Emit(new Mutation { RemoveNode = new RemoveObject { Id = node.Id } });
        return new Wire.RemoveNodeResponse();
    }

    /// <summary>A role is that of the skepd on the host; its engine always stays a worker.</summary>
    private static void ChangeRole(Turn turn, Wire.UpdateNodeRequest request)
    {
        var manager = ManagerOn(turn.State, request.NodeId);
        var wanted = request.Spec.DesiredRole == Wire.NodeRole.Manager;
        if (manager is null && wanted)
            throw Refusals.FailedPrecondition($"node {request.NodeId} can't be promoted: no skepd stands beside its engine; install skepd there and let it join: 'docker -H unix:///run/skep.sock swarm join'");
        if (manager is null || manager.IsMember == wanted)
            return;
        if (wanted)
            ManagerInputs.Promote(turn, manager);
        else
            ManagerInputs.Demote(turn, manager);
    }

    private static State.Manager? ManagerOn(ClusterState state, string nodeId) =>
        state.Managers.Values.FirstOrDefault(manager => manager.HostNodeId == nodeId);

    /// <summary>The node's certificate is valid until it expires; until then its name is on the list of those that are refused.</summary>
    private static void LockOut(Turn turn, Wire.Node node)
    {
        var cluster = turn.State.Cluster!.Clone();
        foreach (var (name, certificate) in cluster.BlacklistedCertificates.ToList())
        {
            if (certificate.Expiry is { } expiry && expiry.ToDateTimeOffset() + ExpiredCertificateGrace < turn.Now)
                cluster.BlacklistedCertificates.Remove(name);
        }
        cluster.BlacklistedCertificates[node.Id] = new Wire.BlacklistedCertificate { Expiry = ExpiryOf(node) };
        turn.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
    }

    /// <summary>Null: not known, and the node stays locked out for ever.</summary>
    private static Timestamp? ExpiryOf(Wire.Node node)
    {
        if (node.Certificate is not { Certificate_.IsEmpty: false } certificate)
            return null;
        try
        {
            using var parsed = X509Certificate2.CreateFromPem(certificate.Certificate_.ToStringUtf8());
            return Timestamp.FromDateTime(parsed.NotAfter.ToUniversalTime());
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Nobody will ever report on them again.</summary>
    private static void OrphanTasks(Turn turn, string nodeId)
    {
        foreach (var task in turn.State.Tasks.OnNode(nodeId).Where(task => !task.IsTerminal).ToList())
        {
            turn.Emit(new Mutation
            {
                SetTaskStatus = new SetTaskStatus
                {
                    TaskId = task.Id,
                    Status = new Wire.TaskStatus
                    {
                        Timestamp = SwarmTime.ToWire(turn.Now),
                        State = Wire.TaskState.Orphaned,
                        Message = "Task belonged to a node that has been deleted",
                    },
                },
            });
        }
    }
}
