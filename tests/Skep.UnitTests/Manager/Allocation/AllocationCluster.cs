using Skep.Manager;
using Skep.Manager.Allocation;
using Skep.Manager.Scheduling;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Allocation;

/// <summary>A cluster with the real allocator and scheduler, and what tests ask of it.</summary>
internal static class AllocationCluster
{
    public static LoopHarness New(int budget = SwarmLoop.DefaultBudget)
    {
        var cluster = new LoopHarness(() => [new AllocationRule(), new SchedulingRule(), new GossipKeysRule()], budget);
        cluster.Settle();
        return cluster;
    }

    public static Wire.Network Ingress(this LoopHarness cluster) => cluster.State.Networks.Values.Single(NetworkKinds.IsIngress);

    /// <summary>Creates an overlay network and returns its id.</summary>
    public static string AddNetwork(this LoopHarness cluster, string name, string subnet = "", string range = "", string gateway = "", bool attachable = false)
    {
        var spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = name }, DriverConfig = new Wire.Driver { Name = "overlay" }, Attachable = attachable };
        if (subnet.Length > 0)
            spec.Ipam = new Wire.IPAMOptions { Driver = new Wire.Driver { Name = "default" }, Configs = { new Wire.IPAMConfig { Subnet = subnet, Range = range, Gateway = gateway } } };
        var id = cluster.Call<Wire.CreateNetworkResponse>(new Wire.CreateNetworkRequest { Spec = spec }).Network.Id;
        cluster.Settle();
        return id;
    }

    public static void RemoveNetwork(this LoopHarness cluster, string id)
    {
        cluster.Call<Wire.RemoveNetworkResponse>(new Wire.RemoveNetworkRequest { NetworkId = id });
        cluster.Settle();
    }

    public static string AddServiceOn(this LoopHarness cluster, string id, params string[] networks) =>
        cluster.AddService(id, s => s.Task.Networks.Add(networks.Select(n => new Wire.NetworkAttachmentConfig { Target = n })));

    public static Wire.PortConfig Port(uint target, uint published = 0) => new() { TargetPort = target, PublishedPort = published };

    public static string Subnet(this LoopHarness cluster, string networkId) => cluster.State.Networks[networkId].Ipam.Configs[0].Subnet;

    public static string VxlanIds(this LoopHarness cluster, string networkId) =>
        cluster.State.Networks[networkId].DriverState.Options["com.docker.network.driver.overlay.vxlanid_list"];

    public static string AddressIn(this TaskRecord task, string networkId) => task.Attachments.Single(a => a.NetworkId == networkId).Addresses.Single();

    /// <summary>No address, VIP, port, subnet or VXLAN id belongs to two, and every address lies in its network.</summary>
    public static void AssertNothingIsGivenTwice(this LoopHarness cluster)
    {
        var state = cluster.State;
        var overlays = state.Networks.Values.Where(NetworkKinds.IsAllocatedOverlay).ToList();
        AssertDistinct("address",
        [
            .. overlays.SelectMany(n => n.Ipam.Configs.Select(c => $"{n.Id} {c.Gateway}")),
            .. state.Services.Values.Where(s => s.Endpoint is not null).SelectMany(s => s.Endpoint.VirtualIps).Where(v => v.Addr.Length > 0).Select(v => Key(v.NetworkId, v.Addr)),
            .. state.Nodes.Values.SelectMany(n => n.Attachments).SelectMany(a => a.Addresses.Select(x => Key(a.Network.Id, x))),
            .. state.Tasks.All.Where(t => !t.IsTerminal).SelectMany(t => t.Attachments).SelectMany(a => a.Addresses.Select(x => Key(a.NetworkId, x))),
        ]);
        AssertDistinct("port", [.. state.Services.Values.Where(s => s.Endpoint is not null).SelectMany(s => s.Endpoint.Ports)
            .Where(p => p.PublishMode == Wire.PortConfig.Types.PublishMode.Ingress).Select(p => $"{p.Protocol} {p.PublishedPort}")]);
        AssertDistinct("VXLAN id", [.. overlays.SelectMany(n => AllocationLedger.VxlanIdsOf(n.DriverState)).Select(id => $"{id}")]);
        var subnets = overlays.SelectMany(n => n.Ipam.Configs).Select(c => IpPrefix.TryParse(c.Subnet, out var p) ? p : default).ToList();
        Assert.All(subnets, a => Assert.Single(subnets, a.Overlaps));

        string Key(string networkId, string address)
        {
            Assert.True(IpPrefix.TryParse(address, out var subnet, out var number), address);
            if (state.Networks.TryGetValue(networkId, out var network))
                Assert.Contains(network.Ipam.Configs, c => c.Subnet == subnet.ToString());
            return $"{networkId} {subnet.Text(number)}";
        }
    }

    private static void AssertDistinct(string what, IReadOnlyList<string> values) =>
        Assert.All(values.GroupBy(v => v), g => Assert.True(g.Count() == 1, $"{what} {g.Key} was given {g.Count()} times"));
}
