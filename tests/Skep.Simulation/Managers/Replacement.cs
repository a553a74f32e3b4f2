using Skep.Log;
using Skep.Manager;

namespace Skep.Simulation.Managers;

/// <summary>What operators do: a new manager joins, and one whose disk is lost is taken out and replaced by a new one. Tried until it is done.</summary>
internal sealed class Replacement(World world)
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    public async Task JoinAsync(ManagerHost host)
    {
        await UntilDoneAsync(manager => manager.SubmitAsync(new AddManager(Beginning.Describe(host, joins: true))));
        host.Start(ReplicaStart.Join);
        while (host.Process is not { } process || !process.Membership.IsVoter(host.RaftId) || !world.Witness.State.Managers[host.ManagerId].IsVoter)
        {
            host.Start();
            await world.Loop.Delay(Retry / 10);
        }
    }

    public async Task ReplaceAsync(ManagerHost host, ulong newRaftId)
    {
        await UntilDoneAsync(manager => manager.SubmitAsync(new RemoveManager(host.ManagerId)));
        host.Replace(newRaftId);
        await JoinAsync(host);
    }

    private async Task UntilDoneAsync(Func<IManager, Task> change)
    {
        while (true)
        {
            try
            {
                if (world.Leader?.Process is { } leader)
                {
                    await change(leader.Service);
                    return;
                }
            }
            catch (ControlException e)
            {
                world.Trace.Note($"a change of the managers is tried again: {e.Message}");
            }
            await world.Loop.Delay(Retry);
        }
    }
}
