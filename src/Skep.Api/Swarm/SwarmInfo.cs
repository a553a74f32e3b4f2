using System.Text.Json;
using System.Text.Json.Nodes;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm;

/// <summary>The swarm's part of /info and /_ping.</summary>
internal sealed class SwarmInfo(SwarmAccess swarm) : ISwarmInfo
{
    private const string TwoManagers = """
        WARNING: Running Swarm in a two-manager configuration. This configuration provides
                 no fault tolerance, and poses a high risk to lose control over the cluster.
                 Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the
                 Swarm for fault-tolerance.
        """;

    public string PingStatus => swarm.Lifecycle.Status.State switch
    {
        LocalNodeState.Active => swarm.IsWorker ? "active/worker" : "active/manager",
        var state => WordOf(state),
    };

    public ValueTask<JsonObject> GetInfoAsync(CancellationToken cancellationToken)
    {
        var status = swarm.Lifecycle.Status;
        var info = new Types.Info
        {
            NodeID = status.NodeId,
            NodeAddr = status.NodeAddr,
            LocalNodeState = WordOf(status.State),
            Error = status.State == LocalNodeState.Locked ? SwarmAccess.Locked : status.Error,
        };
        if (swarm.Store is { } store)
            AddCluster(info, store);
        return ValueTask.FromResult((JsonObject)JsonSerializer.SerializeToNode(info, GoJson.Options)!);
    }

    private static void AddCluster(Types.Info info, State.StateStore store)
    {
        var (cluster, nodes, managers) = store.Read(state => (state.Cluster, state.Nodes.Count, state.Managers.Values.Where(manager => manager.IsMember).ToList()));
        info.ControlAvailable = true;
        info.Cluster = cluster?.ToInfo();
        info.Nodes = nodes;
        info.Managers = managers.Count;
        info.RemoteManagers = [.. managers.OrderBy(m => m.RaftId).Select(m => new Types.Peer { NodeID = m.HostNodeId, Addr = m.Addr })];
        if (managers.Count == 2)
            info.Warnings = [TwoManagers];
    }

    private static string WordOf(LocalNodeState state) => state switch
    {
        LocalNodeState.Inactive => "inactive",
        LocalNodeState.Pending => "pending",
        LocalNodeState.Active => "active",
        LocalNodeState.Locked => "locked",
        _ => "error",
    };
}
