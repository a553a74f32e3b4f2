using Skep.Manager;
using Skep.State;
using Skep.Wire;

namespace Skep.Security;

/// <summary>
/// Puts into every update of the cluster what becomes of its root CA, before the update reaches the loop: that takes keys and
/// external CAs, for which the loop must not wait. It holds for the version of the cluster that the update names; the loop
/// refuses it for any other.
/// </summary>
/// <param name="manager">Takes the prepared updates, and everything else as it is.</param>
/// <param name="change">Works it out.</param>
public sealed class RootPreparation(IManager manager, RootChange change) : IManager
{
    public ManagerSelf Self => manager.Self;

    public StateStore Store => manager.Store;

    public bool IsLeader => manager.IsLeader;

    public System.Threading.Tasks.Task ReadBarrierAsync(CancellationToken cancellation = default) => manager.ReadBarrierAsync(cancellation);

    public async Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default)
    {
        if (input is not ControlCall { Request: UpdateClusterRequest { Spec.CaConfig: { } wanted } update }
            || Store.Read(state => state.Cluster) is not { } present || present.Meta.Version.Index != update.ClusterVersion?.Index)
        {
            return await manager.SubmitAsync(input, cancellation).ConfigureAwait(false);
        }
        var prepared = update.Clone();
        prepared.RootCa = await change.PrepareAsync(present, wanted, cancellation).ConfigureAwait(false);
        return await manager.SubmitAsync((Input<TReply>)(Input)new ControlCall(prepared), cancellation).ConfigureAwait(false);
    }
}
