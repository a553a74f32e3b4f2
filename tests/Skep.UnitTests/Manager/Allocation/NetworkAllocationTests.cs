using Skep.Manager.Allocation;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class NetworkAllocationTests
{
    private readonly LoopHarness _cluster = AllocationCluster.New();

    [Fact]
    public void A_new_cluster_has_ingress_and_the_predefined_networks()
    {
        var ingress = _cluster.Ingress();
        Assert.Equal(("ingress", "overlay", "default"), (ingress.Spec.Annotations.Name, ingress.DriverState.Name, ingress.Ipam.Driver.Name));
        Assert.Equal(("10.0.0.0/24", "10.0.0.1"), (ingress.Ipam.Configs[0].Subnet, ingress.Ipam.Configs[0].Gateway));
        Assert.Equal("4097", _cluster.VxlanIds(ingress.Id));
        var predefined = _cluster.State.Networks.Values.Where(NetworkKinds.IsPredefined).ToList();
        Assert.Equal(["bridge", "host"], predefined.Select(n => n.DriverState.Name).Order());
        Assert.All(predefined, n => Assert.Empty(n.Ipam.Configs));
    }

    [Fact]
    public void A_removed_ingress_stays_removed_and_can_be_made_anew()
    {
        _cluster.AddNode("a");
        _cluster.Settle();
        Assert.Single(_cluster.State.Nodes["a"].Attachments);
        _cluster.RemoveNetwork(_cluster.Ingress().Id);
        _cluster.ChangeLeader();
        _cluster.Settle();
        Assert.DoesNotContain(_cluster.State.Networks.Values, NetworkKinds.IsIngress);
        Assert.Empty(_cluster.State.Nodes["a"].Attachments);
        _cluster.Call<Wire.CreateNetworkResponse>(new Wire.CreateNetworkRequest
        {
            Spec = new Wire.NetworkSpec
            {
                Annotations = new Wire.Annotations { Name = "mesh" },
                Ingress = true,
                Ipam = new Wire.IPAMOptions { Configs = { new Wire.IPAMConfig { Subnet = "10.11.0.0/16" } } },
            },
        });
        _cluster.Settle();
        Assert.Equal("10.11.0.2/16", _cluster.State.Nodes["a"].Attachments.Single().Addresses.Single());
    }

    [Fact]
    public void Subnets_and_vxlan_ids_follow_each_other_and_skip_what_is_in_use()
    {
        var taken = _cluster.AddNetwork("taken", "10.0.1.0/24");
        var a = _cluster.AddNetwork("a");
        var b = _cluster.AddNetwork("b");
        Assert.Equal(["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"], new[] { taken, a, b }.Select(_cluster.Subnet));
        Assert.Equal(["4098", "4099", "4100"], new[] { taken, a, b }.Select(_cluster.VxlanIds));
        _cluster.RemoveNetwork(a);
        Assert.Equal("10.0.2.0/24", _cluster.Subnet(_cluster.AddNetwork("c")));
    }

    [Fact]
    public void The_clusters_own_pool_is_cut_as_it_says()
    {
        var cluster = _cluster.State.Cluster!.Clone();
        cluster.DefaultAddressPool.Add("172.20.0.0/16");
        cluster.SubnetSize = 28;
        _cluster.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
        Assert.Equal(["172.20.0.0/28", "172.20.0.16/28"], new[] { "a", "b" }.Select(n => _cluster.Subnet(_cluster.AddNetwork(n))));
    }

    [Fact]
    public void Subnet_range_and_gateway_of_the_user_are_kept()
    {
        _cluster.AddNode("n");
        var id = _cluster.AddNetwork("a", "10.50.0.0/16", "10.50.7.0/24", "10.50.0.9");
        Assert.Equal("10.50.0.9", _cluster.State.Networks[id].Ipam.Configs[0].Gateway);
        _cluster.AddServiceOn("web", id);
        _cluster.AddTasks("web", 1);
        Assert.Equal("10.50.7.1/16", _cluster.Task("web.1").AddressIn(id));
    }

    [Fact]
    public void An_overlapping_subnet_waits_and_its_tasks_say_why()
    {
        _cluster.AddNode("n");
        var first = _cluster.AddNetwork("first", "10.60.0.0/16");
        var second = _cluster.AddNetwork("second", "10.60.1.0/24");
        _cluster.AddServiceOn("web", second);
        _cluster.AddTasks("web", 1);
        Assert.Null(_cluster.State.Networks[second].DriverState);
        Assert.Equal(Wire.TaskState.New, _cluster.Task("web.1").State);
        Assert.Contains("Pool overlaps with other one on this address space", _cluster.Task("web.1").Status.Err, StringComparison.Ordinal);
        _cluster.RemoveNetwork(first);
        Assert.Equal("10.60.1.0/24", _cluster.Subnet(second));
        Assert.Equal((Wire.TaskState.Running, ""), (_cluster.Task("web.1").State, _cluster.Task("web.1").Status.Err));
    }

    [Fact]
    public void Vxlan_ids_can_be_chosen_but_not_twice()
    {
        string Create(string name) => _cluster.Call<Wire.CreateNetworkResponse>(new Wire.CreateNetworkRequest
        {
            Spec = new Wire.NetworkSpec
            {
                Annotations = new Wire.Annotations { Name = name },
                DriverConfig = new Wire.Driver { Name = "overlay", Options = { ["com.docker.network.driver.overlay.vxlanid_list"] = "700", ["encrypted"] = "" } },
            },
        }).Network.Id;
        var a = Create("a");
        var b = Create("b");
        _cluster.Settle();
        Assert.Equal("700", _cluster.VxlanIds(a));
        Assert.True(_cluster.State.Networks[a].DriverState.Options.ContainsKey("encrypted"));
        Assert.Null(_cluster.State.Networks[b].DriverState);
    }

    [Fact]
    public void Every_node_has_an_ingress_address_and_one_for_each_overlay_of_its_tasks()
    {
        var id = _cluster.AddNetwork("a");
        _cluster.AddNodes(2);
        _cluster.AddServiceOn("web", id);
        _cluster.AddTasks("web", 1);
        var busy = _cluster.State.Nodes[_cluster.Task("web.1").NodeId];
        var idle = _cluster.State.Nodes.Values.Single(n => n.Id != busy.Id);
        Assert.Equal([_cluster.Ingress().Id, id], busy.Attachments.Select(a => a.Network.Id));
        Assert.Equal([_cluster.Ingress().Id], idle.Attachments.Select(a => a.Network.Id));
        Assert.Equal("10.0.1.0/24", busy.Attachments[1].Network.Ipam.Configs[0].Subnet);
#pragma warning disable CS0612 // What engines older than 18.03 read.
        Assert.Equal(busy.Attachments[0], busy.Attachment);
#pragma warning restore CS0612
        _cluster.AssertNothingIsGivenTwice();
        var address = busy.Attachments[1].Addresses[0];
        _cluster.Engines.Fail("web.1");
        _cluster.Settle();
        Assert.Equal([_cluster.Ingress().Id], _cluster.State.Nodes[busy.Id].Attachments.Select(a => a.Network.Id));
        Assert.NotEqual("", address);
    }
}
