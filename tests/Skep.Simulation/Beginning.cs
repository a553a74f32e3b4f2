using Skep.Log;
using Skep.Manager;
using Skep.Simulation.Managers;

namespace Skep.Simulation;

/// <summary>Makes the cluster as operators do, before any faults: the first manager, the others as learners and then voters, the nodes, a network.</summary>
internal sealed class Beginning(World world)
{
    public async Task RunAsync()
    {
        var first = world.Managers[0];
        first.Start(ReplicaStart.NewGroup);
        while (first.Process is not { Service.IsLeader: true })
            await world.Loop.Delay(TimeSpan.FromMilliseconds(10));
        var manager = first.Process.Service;
        await manager.SubmitAsync(new InitCluster(Cluster(), Describe(first, joins: false)));
        foreach (var host in world.Managers.Skip(1))
            await new Replacement(world).JoinAsync(host);
        foreach (var agent in world.Agents)
            await manager.SubmitAsync(new CertificateIssued(agent.NodeId, new Wire.Certificate { Cn = agent.NodeId, Role = Wire.NodeRole.Worker }, Wire.NodeSpec.Types.Availability.Active));
        var network = await manager.CallAsync<Wire.CreateNetworkResponse>(new Wire.CreateNetworkRequest
        {
            Spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = "net" }, DriverConfig = new Wire.Driver { Name = "overlay" } },
        });
        world.NetworkId = network.Network.Id;
    }

    public static State.Manager Describe(ManagerHost host, bool joins) =>
        new() { Id = host.ManagerId, RaftId = host.RaftId, Addr = host.Address, Joining = joins, Run = host.Process?.Self.Run ?? "" };

    private static Wire.Cluster Cluster() => new()
    {
        Id = "cluster",
        Spec = new Wire.ClusterSpec
        {
            Annotations = new Wire.Annotations { Name = "default" },
            Orchestration = new Wire.OrchestrationConfig { TaskHistoryRetentionLimit = 2 },
            Dispatcher = new Wire.DispatcherConfig { HeartbeatPeriod = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(5)) },
        },
        RootCa = new Wire.RootCA { CaCert = Google.Protobuf.ByteString.CopyFromUtf8("root") },
    };
}
