using Skep.Log;
using Skep.Manager;
using Skep.Raft;

namespace Skep.Simulation.Managers;

/// <summary>What an operator does to the group: adds a member, first as a learner, and replaces one whose disk is lost. Tries until it is done.</summary>
internal sealed class MembershipChanges(World world)
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    public async Task AddAsync(ManagerHost host)
    {
        await ChangeAsync(ConfChangeKind.AddLearner, host.RaftId, m => m.Contains(host.RaftId));
        while (host.Process is null || world.Leader?.Process is not { } leader || host.Process.Loop.LastApplied + 5 < leader.Loop.LastApplied)
        {
            host.Start();
            await world.Loop.Delay(Retry);
        }
        await ChangeAsync(ConfChangeKind.AddVoter, host.RaftId, m => m.IsVoter(host.RaftId));
        await UntilDoneAsync(process => process.Manager.SubmitAsync(new RegisterManager(Beginning.Describe(host))));
    }

    public async Task ReplaceAsync(ManagerHost host, ulong newRaftId)
    {
        await ChangeAsync(ConfChangeKind.Remove, host.RaftId, m => !m.Contains(host.RaftId));
        host.Replace(newRaftId);
        host.Start(ReplicaStart.Join);
        await AddAsync(host);
    }

    private async Task ChangeAsync(ConfChangeKind kind, ulong raftId, Func<Membership, bool> isDone)
    {
        while (world.Leader?.Process is not { } leader || !isDone(leader.Loop.Membership))
        {
            await UntilDoneAsync(async process => await process.ChangeMembershipAsync(new ConfChange(kind, raftId)));
            await world.Loop.Delay(TimeSpan.FromMilliseconds(1));
        }
    }

    private async Task UntilDoneAsync(Func<ManagerProcess, Task> change)
    {
        while (true)
        {
            try
            {
                if (world.Leader?.Process is { } leader)
                {
                    var done = change(leader);
                    if (await Task.WhenAny(done, world.Loop.Delay(TimeSpan.FromSeconds(5))) == done)
                    {
                        await done;
                        return;
                    }
                }
            }
            catch (Exception e) when (e is ControlException or NotLeaderException or ProposalDroppedException or ReplicaStoppedException)
            {
                world.Trace.Note($"a membership change is tried again: {e.Message}");
            }
            await world.Loop.Delay(Retry);
        }
    }
}
