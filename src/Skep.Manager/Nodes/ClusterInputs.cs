using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>The cluster's beginning and its managers.</summary>
internal static class ClusterInputs
{
    public static void Init(Turn turn, InitCluster init)
    {
        if (turn.State.Cluster is not null)
            throw new ControlException(ControlError.FailedPrecondition, "the cluster was already made");
        turn.Emit(new Mutation { PutCluster = new PutCluster { Cluster = init.Cluster.Clone() } });
        turn.Emit(new Mutation { PutManager = new PutManager { Manager = init.Manager.Clone() } });
    }

    public static void Register(Turn turn, RegisterManager register)
    {
        var present = turn.State.Managers.GetValueOrDefault(register.Manager.Id);
        var manager = register.Manager.Clone();
        // Told apart, by another input: who changes an address does not know it.
        manager.TlsInfo ??= present?.TlsInfo;
        if (!manager.Equals(present))
            turn.Emit(new Mutation { PutManager = new PutManager { Manager = manager } });
    }

    public static void Certified(Turn turn, ManagerCertified certified)
    {
        // One that was removed must not come back with what it says of its certificate.
        if (!turn.State.Managers.TryGetValue(certified.ManagerId, out var present))
            throw new ControlException(ControlError.NotFound, $"manager {certified.ManagerId} not found");
        if (!certified.TlsInfo.Equals(present.TlsInfo))
        {
            var manager = present.Clone();
            manager.TlsInfo = certified.TlsInfo.Clone();
            turn.Emit(new Mutation { PutManager = new PutManager { Manager = manager } });
        }
        // A host without an engine is a node that says nothing: its manager speaks for it.
        if (turn.State.Nodes.TryGetValue(certified.ManagerId, out var host) && !certified.TlsInfo.Equals(host.Description?.TlsInfo))
        {
            var node = host.Clone();
            node.Description ??= new Wire.NodeDescription();
            node.Description.TlsInfo = certified.TlsInfo.Clone();
            turn.Emit(new Mutation { PutNode = new PutNode { Node = node } });
        }
    }
}
