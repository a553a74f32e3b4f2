using Skep.Dispatch.Leader;
using Skep.Simulation.Engine;

namespace Skep.Simulation.Managers;

/// <summary>Who leads, as this member's log knows it, and a connection to him.</summary>
internal sealed class LeaderLocator(World world, ManagerHost host, ManagerProcess process) : ILeaderLocator
{
    private readonly Dictionary<ulong, Connection> _connections = [];
    private CancellationTokenSource _replaced = new();
    private ulong _leader;

    public bool HasLeader => _leader != 0;

    public LeaderAddress? Leader => _leader == 0 || _leader == host.RaftId || world.HostOf(_leader) is not { } there
        ? null
        : new LeaderAddress(new LeaderChannel(world, () => ConnectionTo(there)), _replaced.Token);

    public void SetLeader(ulong raftId)
    {
        _leader = raftId;
        var replaced = _replaced;
        _replaced = new CancellationTokenSource();
        // Not on the log's thread.
        world.Loop.After(TimeSpan.Zero, replaced.Cancel);
    }

    // Null: nobody listens there, or the way is cut.
    private (Connection Connection, ManagerProcess Process)? ConnectionTo(ManagerHost there)
    {
        if (!process.IsAlive || there.Process is not { } leader)
            return null;
        if (!_connections.TryGetValue(there.RaftId, out var connection) || connection.IsBroken)
        {
            if (world.Network.IsCut(host.Number, there.Number) || world.Network.IsCut(there.Number, host.Number))
                return null;
            _connections[there.RaftId] = connection = world.Connect(host.Number, there, leader);
        }
        return (connection, leader);
    }
}
