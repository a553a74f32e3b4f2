using Skep.Manager.Certificates;
using Skep.State;

namespace Skep.Manager.Control;

/// <summary>docker swarm update, and the rotation of join tokens.</summary>
internal static class ClusterControl
{
    /// <summary>Removed nodes stay on the list beyond their certificate's end, in case clocks differ; as in stock.</summary>
    private static readonly TimeSpan RemovedNodeGrace = TimeSpan.FromDays(7);

    public static Wire.UpdateClusterResponse Update(Turn turn, Wire.UpdateClusterRequest request)
    {
        if (request.ClusterId.Length == 0 || request.ClusterVersion is null || request.Spec is null)
            throw new ControlException(ControlError.InvalidArgument, "invalid argument");
        var spec = ClusterSpecs.Complete(request.Spec.Clone());
        ClusterSpecs.Validate(spec);
        var present = turn.State.Cluster;
        if (present is null || present.Id != request.ClusterId)
            throw new ControlException(ControlError.NotFound, $"cluster {request.ClusterId} not found");
        if (present.Meta.Version.Index != request.ClusterVersion.Index)
            throw new ControlException(ControlError.OutOfSequence, "update out of sequence");
        var root = RootUpdate.Of(present, spec.CaConfig, request.RootCa);
        var rotation = request.Rotation ?? new Wire.KeyRotation();

        var cluster = present.Clone();
        cluster.Spec = spec;
        cluster.RootCa = root.Clone();
        // The key is kept in one place only, the root.
        spec.CaConfig.SigningCaCert = Google.Protobuf.ByteString.Empty;
        spec.CaConfig.SigningCaKey = Google.Protobuf.ByteString.Empty;
        if (rotation.WorkerJoinToken)
            cluster.RootCa.JoinTokens.Worker = ClusterRoot.NewJoinToken(turn, cluster.RootCa.CaCert);
        if (rotation.ManagerJoinToken)
            cluster.RootCa.JoinTokens.Manager = ClusterRoot.NewJoinToken(turn, cluster.RootCa.CaCert);
        UnlockKeys.Update(turn, cluster, rotation.ManagerUnlockKey);
        ForgetExpiredNodes(turn, cluster);
        turn.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
        return new Wire.UpdateClusterResponse { Cluster = ClusterRedaction.Redact(cluster) };
    }

    private static void ForgetExpiredNodes(Turn turn, Wire.Cluster cluster)
    {
        var forgotten = cluster.BlacklistedCertificates
            .Where(entry => entry.Value.Expiry is { } expiry && expiry.ToDateTimeOffset() + RemovedNodeGrace < turn.Now)
            .Select(entry => entry.Key)
            .ToList();
        foreach (var nodeId in forgotten)
            cluster.BlacklistedCertificates.Remove(nodeId);
    }
}
