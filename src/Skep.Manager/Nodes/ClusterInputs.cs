using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>The cluster's beginning.</summary>
internal static class ClusterInputs
{
    public static void Init(Turn turn, InitCluster init)
    {
        if (turn.State.Cluster is not null)
            throw new ControlException(ControlError.FailedPrecondition, "the cluster was already made");
        turn.Emit(new Mutation { PutCluster = new PutCluster { Cluster = init.Cluster.Clone() } });
        turn.Emit(new Mutation { PutManager = new PutManager { Manager = init.Manager.Clone() } });
    }
}
