using Skep.Manager;
using Xunit;
using static Skep.UnitTests.Manager.Allocation.AllocationCluster;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class NetworkControlTests
{
    private readonly LoopHarness _cluster = New();

    public static TheoryData<string, ControlError, Action<Wire.NetworkSpec>> Malformed => new()
    {
        { "meta: name must be provided", ControlError.InvalidArgument, s => s.Annotations = null },
        { "name must be valid as a DNS name component", ControlError.InvalidArgument, s => s.Annotations.Name = "a.b" },
        { "name must be 63 characters or fewer", ControlError.InvalidArgument, s => s.Annotations.Name = new string('a', 64) },
        { "ingress network cannot be attachable", ControlError.InvalidArgument, s => s.Ingress = s.Attachable = true },
        { "label com.docker.swarm.predefined is for internally created predefined networks and cannot be applied by users", ControlError.PermissionDenied, s => s.Annotations.Labels["com.docker.swarm.predefined"] = "x" },
        { "only overlay driver is currently supported for ingress network", ControlError.Unimplemented, s => { s.Ingress = true; s.DriverConfig = new Wire.Driver { Name = "bridge" }; } },
        { "driver name: if driver is specified name is required", ControlError.InvalidArgument, s => s.DriverConfig = new Wire.Driver() },
        { "plugin weave not supported", ControlError.InvalidArgument, s => s.DriverConfig = new Wire.Driver { Name = "weave" } },
        { "plugin infoblox not supported", ControlError.InvalidArgument, s => s.Ipam = new Wire.IPAMOptions { Driver = new Wire.Driver { Name = "infoblox" } } },
        { "ipam configuration: invalid subnet 10.0/24", ControlError.InvalidArgument, s => s.Ipam = Ipam("10.0/24") },
        { "ipam configuration: invalid range x", ControlError.InvalidArgument, s => s.Ipam = Ipam("10.7.0.0/24", "x") },
        { "ipam configuration: subnet 10.7.0.0/24 does not contain range 10.8.0.0/25", ControlError.InvalidArgument, s => s.Ipam = Ipam("10.7.0.0/24", "10.8.0.0/25") },
        { "ipam configuration: invalid gateway y", ControlError.InvalidArgument, s => s.Ipam = Ipam("10.7.0.0/24", "", "y") },
        { "ipam configuration: subnet 10.7.0.0/24 does not contain gateway 10.8.0.1", ControlError.InvalidArgument, s => s.Ipam = Ipam("10.7.0.0/24", "", "10.8.0.1") },
        { "network with name HOST already exists", ControlError.AlreadyExists, s => s.Annotations.Name = "HOST" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Refuses_in_stocks_words(string message, ControlError error, Action<Wire.NetworkSpec> change)
    {
        var spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = "net" } };
        change(spec);
        var refusal = Assert.Throws<ControlException>(() => _cluster.Call<Wire.CreateNetworkResponse>(new Wire.CreateNetworkRequest { Spec = spec }));
        Assert.Equal((message, error), (refusal.Message, refusal.Error));
    }

    [Fact]
    public void There_is_one_ingress_network()
    {
        var refusal = Assert.Throws<ControlException>(() => _cluster.Call<Wire.CreateNetworkResponse>(
            new Wire.CreateNetworkRequest { Spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = "two" }, Ingress = true } }));
        Assert.Equal($"ingress network ({_cluster.Ingress().Id}) is already present", refusal.Message);
    }

    [Fact]
    public void A_network_in_use_cannot_be_removed()
    {
        var id = _cluster.AddNetwork("net");
        _cluster.AddServiceOn("web", id);
        Assert.Equal($"network {id} is in use by service web", RefusalOf(id));
        _cluster.AddTasks("web", 1);
        _cluster.DeleteService("web");
        Assert.Equal($"network {id} is in use by task web.1", RefusalOf(id));
        _cluster.SetDesired("web.1", Wire.TaskState.Shutdown);
        _cluster.RemoveNetwork(id);
        Assert.False(_cluster.State.Networks.ContainsKey(id));
        Assert.Equal($"network {id} not found", RefusalOf(id));
    }

    [Fact]
    public void Predefined_networks_and_a_needed_ingress_stay()
    {
        var host = _cluster.State.Networks.Values.Single(n => n.Spec.Annotations.Name == "host").Id;
        Assert.Equal($"network {host} (host) is a swarm predefined network and cannot be removed", RefusalOf(host));
        _cluster.AddService("web", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80) } });
        Assert.Equal("ingress network cannot be removed because service web depends on it", RefusalOf(_cluster.Ingress().Id));
    }

    private string RefusalOf(string id) =>
        Assert.Throws<ControlException>(() => _cluster.Call<Wire.RemoveNetworkResponse>(new Wire.RemoveNetworkRequest { NetworkId = id })).Message;

    private static Wire.IPAMOptions Ipam(string subnet, string range = "", string gateway = "") =>
        new() { Configs = { new Wire.IPAMConfig { Subnet = subnet, Range = range, Gateway = gateway } } };
}
