using Skep.State;

namespace Skep.UnitTests.Api.Swarm;

/// <summary>What the tests of the API start from: a cluster of three nodes, the first of which hosts the manager.</summary>
internal static class Given
{
    public const string Node1 = "aaaa1node000000000000000n";
    public const string Node2 = "aaaa2node000000000000000n";
    public const string Node3 = "bbbb3node000000000000000n";

    public static IEnumerable<Mutation> Cluster()
    {
        yield return new Mutation
        {
            PutCluster = new PutCluster
            {
                Cluster = new Wire.Cluster
                {
                    Id = "cluster",
                    Spec = new Wire.ClusterSpec
                    {
                        Annotations = new Wire.Annotations { Name = "default" },
                        Orchestration = new Wire.OrchestrationConfig { TaskHistoryRetentionLimit = 5 },
                        Dispatcher = new Wire.DispatcherConfig { HeartbeatPeriod = new() { Seconds = 5 } },
                    },
                    RootCa = new Wire.RootCA { JoinTokens = new Wire.JoinTokens { Worker = "SWMTKN-1-w", Manager = "SWMTKN-1-m" } },
                    SubnetSize = 24,
                    DefaultAddressPool = { "10.0.0.0/8" },
                },
            },
        };
        yield return new Mutation { PutManager = new PutManager { Manager = new Skep.State.Manager { Id = "manager1", RaftId = 1, Addr = "10.0.0.1:2377", NodeId = Node1 } } };
        yield return Node(Node1, "alpha", new() { ["zone"] = "a" });
        yield return Node(Node2, "beta", new() { ["zone"] = "b" });
        yield return Node(Node3, "gamma", []);
    }

    public static Mutation Network(string id, string name) => new()
    {
        PutNetwork = new PutNetwork
        {
            Network = new Wire.Network
            {
                Id = id,
                Spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = name }, DriverConfig = new Wire.Driver { Name = "overlay" }, Attachable = true },
                DriverState = new Wire.Driver { Name = "overlay", Options = { ["com.docker.network.driver.overlay.vxlanid_list"] = "4097" } },
                Ipam = new Wire.IPAMOptions { Driver = new Wire.Driver { Name = "default" }, Configs = { new Wire.IPAMConfig { Subnet = "10.0.1.0/24", Gateway = "10.0.1.1" } } },
            },
        },
    };

    public static string Service(string name, int replicas = 2) => $$$"""
        {"Name":"{{{name}}}","Labels":{"app":"{{{name}}}"},"TaskTemplate":{"ContainerSpec":{"Image":"nginx:1"}},"Mode":{"Replicated":{"Replicas":{{{replicas}}} } }}
        """;

    private static Mutation Node(string id, string hostname, Dictionary<string, string> labels)
    {
        var node = new Wire.Node
        {
            Id = id,
            Spec = new Wire.NodeSpec { Annotations = new Wire.Annotations(), Membership = Wire.NodeSpec.Types.Membership.Accepted },
            Description = new Wire.NodeDescription { Hostname = hostname, Engine = new Wire.EngineDescription { EngineVersion = "20.10.24" } },
            Status = new Wire.NodeStatus { State = Wire.NodeStatus.Types.State.Ready, Addr = "10.0.0.2" },
        };
        node.Spec.Annotations.Labels.Add(labels);
        return new Mutation { PutNode = new PutNode { Node = node } };
    }
}
