using Skep.Manager;
using Skep.Simulation.Engine;
using Skep.State;

namespace Skep.Simulation.Managers;

/// <summary>What Api and Dispatch see of a manager: on the leader the loop itself, elsewhere the way to it over the network.</summary>
internal sealed class ForwardingManager(World world, ManagerHost host, ManagerProcess process) : IManager
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly Dictionary<ulong, Connection> _connections = [];

    public StateStore Store => process.Store;

    public bool IsLeader => process.Service.IsLeader;

    public Task ReadBarrierAsync(CancellationToken cancellation = default) => process.Service.ReadBarrierAsync(cancellation);

    public async Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default)
    {
        if (PresenceStandIn.IsFalseAlarm(world, input))
            return default!;
        if (process.Service.IsLeader || process.Loop.LeaderId == host.RaftId || world.HostOf(process.Loop.LeaderId) is not { Process: { } leader } there)
            return await process.Service.SubmitAsync(input, cancellation);
        try
        {
            return await ConnectionTo(there, leader).CallAsync(_ => leader.Service.SubmitAsync(input, CancellationToken.None), Timeout);
        }
        catch (ConnectionLostException e)
        {
            throw new ControlException(ControlError.Unavailable, $"the leader did not answer: {e.Message}; it may or may not have been done");
        }
    }

    private Connection ConnectionTo(ManagerHost there, ManagerProcess leader)
    {
        if (!_connections.TryGetValue(there.RaftId, out var connection) || connection.IsBroken)
            _connections[there.RaftId] = connection = world.Connect(host.Number, there, leader);
        return connection;
    }
}
