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
        // A manager that was removed must not come back with what it says of its certificate.
        if (present is null && register.Manager.RaftId == 0)
            throw new ControlException(ControlError.NotFound, $"manager {register.Manager.Id} not found");
        var manager = present?.Clone() ?? new State.Manager();
        manager.MergeFrom(register.Manager);
        if (manager.Equals(present))
            return;
        turn.Emit(new Mutation { PutManager = new PutManager { Manager = manager } });
        ShowOnHost(turn, manager);
    }

    /// <summary>A host without an engine is a node that says nothing: its manager speaks for it.</summary>
    private static void ShowOnHost(Turn turn, State.Manager manager)
    {
        if (!turn.State.Nodes.TryGetValue(manager.Id, out var host) || Equals(manager.TlsInfo, host.Description?.TlsInfo))
            return;
        var node = host.Clone();
        node.Description ??= new Wire.NodeDescription();
        node.Description.TlsInfo = manager.TlsInfo;
        turn.Emit(new Mutation { PutNode = new PutNode { Node = node } });
    }
}
