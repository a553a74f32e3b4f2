using Grpc.Core;
using Skep.Manager;
using Skep.Wire;

namespace Skep.Security;

/// <summary>The cluster as it is now, on every manager.</summary>
internal static class PresentCluster
{
    /// <summary>
    /// For whoever hands out certificates: one by a root or a token that the cluster had a moment ago would be of no use, or let
    /// somebody in who must not come any more.
    /// </summary>
    /// <exception cref="RpcException">Unavailable: no leader answered, or there is no cluster yet.</exception>
    public static async Task<Cluster> PresentClusterAsync(this IManager manager, CancellationToken cancellation)
    {
        try
        {
            await manager.ReadBarrierAsync(cancellation).ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            throw e.ToRpc();
        }
        return manager.Store.Read(state => state.Cluster) ?? throw RpcErrors.NoCluster();
    }
}
