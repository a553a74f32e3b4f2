using Xunit;
using static Skep.UnitTests.Manager.Allocation.AllocationCluster;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class EndpointAllocationTests
{
    private readonly LoopHarness _cluster = New();

    [Fact]
    public void A_service_gets_an_address_per_network_and_ports()
    {
        var network = _cluster.AddNetwork("a");
        _cluster.AddServiceOn("web", network);
        _cluster.ReplaceService("web", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80, 8080), Port(443) } });
        var endpoint = _cluster.State.Services["web"].Endpoint;
        Assert.Equal([8080u, 30000u], endpoint.Ports.Select(p => p.PublishedPort));
        Assert.Equal([network, _cluster.Ingress().Id], endpoint.VirtualIps.Select(v => v.NetworkId));
        Assert.Equal(["10.0.1.2/24", "10.0.0.2/24"], endpoint.VirtualIps.Select(v => v.Addr));
        Assert.Equal(_cluster.State.Services["web"].Spec.Endpoint, endpoint.Spec);
    }

    [Fact]
    public void What_it_still_wants_it_keeps_and_the_rest_becomes_free()
    {
        var a = _cluster.AddNetwork("a");
        var b = _cluster.AddNetwork("b");
        _cluster.AddServiceOn("web", a, b);
        _cluster.ReplaceService("web", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80), Port(81), Port(82, 30000) } });
        var before = _cluster.State.Services["web"].Endpoint;
        Assert.Equal([30001u, 30002u, 30000u], before.Ports.Select(p => p.PublishedPort));
        _cluster.ReplaceService("web", s =>
        {
            s.Task.Networks.RemoveAt(0);
            s.Endpoint = new Wire.EndpointSpec { Ports = { Port(81), Port(83) } };
        });
        var after = _cluster.State.Services["web"].Endpoint;
        Assert.Equal([30002u, 30003u], after.Ports.Select(p => p.PublishedPort));
        Assert.Equal(before.VirtualIps.Where(v => v.NetworkId != a), after.VirtualIps);
        _cluster.AddService("other", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(1, 30000) } });
        Assert.Equal(30000u, _cluster.State.Services["other"].Endpoint.Ports[0].PublishedPort);
    }

    [Fact]
    public void Scaling_changes_nothing()
    {
        _cluster.AddService("web", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80) } });
        var before = _cluster.State.Services["web"].Endpoint;
        _cluster.ReplaceService("web", s => s.Replicated.Replicas = 5);
        Assert.Equal(before, _cluster.State.Services["web"].Endpoint);
    }

    [Fact]
    public void A_service_without_networks_and_ports_has_no_endpoint()
    {
        _cluster.AddService("web");
        Assert.Null(_cluster.State.Services["web"].Endpoint);
    }

    [Fact]
    public void With_dnsrr_there_is_no_virtual_address()
    {
        var network = _cluster.AddNetwork("a");
        _cluster.AddServiceOn("web", network);
        _cluster.ReplaceService("web", s => s.Endpoint = new Wire.EndpointSpec { Mode = Wire.EndpointSpec.Types.ResolutionMode.Dnsrr });
        Assert.Empty(_cluster.State.Services["web"].Endpoint.VirtualIps);
    }

    [Fact]
    public void Host_mode_ports_are_the_tasks_affair()
    {
        var host = new Wire.PortConfig { TargetPort = 80, PublishedPort = 80, PublishMode = Wire.PortConfig.Types.PublishMode.Host };
        _cluster.AddService("a", s => s.Endpoint = new Wire.EndpointSpec { Ports = { host.Clone() } });
        _cluster.AddService("b", s => s.Endpoint = new Wire.EndpointSpec { Ports = { host.Clone() } });
        Assert.Equal([host], _cluster.State.Services["b"].Endpoint.Ports);
        Assert.Empty(_cluster.State.Services["b"].Endpoint.VirtualIps);
    }

    [Fact]
    public void A_port_in_use_makes_the_service_wait_until_it_is_free()
    {
        _cluster.AddNode("n");
        _cluster.AddService("a", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80, 80) } });
        _cluster.AddService("b", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(1), Port(80, 80) } });
        _cluster.AddTasks("b", 1);
        Assert.Equal("service b to which task b.1 belongs has pending allocations: port '80/tcp' is already in use", _cluster.Task("b.1").Status.Err);
        _cluster.DeleteService("a");
        Assert.Equal([30000u, 80u], _cluster.State.Services["b"].Endpoint.Ports.Select(p => p.PublishedPort));
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("b.1").State);
    }

    [Fact]
    public void Without_an_ingress_network_nothing_can_be_published_until_there_is_one()
    {
        _cluster.AddNode("n");
        _cluster.RemoveNetwork(_cluster.Ingress().Id);
        _cluster.AddService("web", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80) } });
        _cluster.AddTasks("web", 1);
        Assert.EndsWith(": ingress network is missing", _cluster.Task("web.1").Status.Err, StringComparison.Ordinal);
        _cluster.Call<Wire.CreateNetworkResponse>(new Wire.CreateNetworkRequest { Spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = "ingress" }, Ingress = true } });
        _cluster.Settle();
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("web.1").State);
        Assert.Equal(_cluster.Ingress().Id, _cluster.Task("web.1").Attachments.Single().NetworkId);
    }

    [Fact]
    public void Tasks_carry_the_endpoint_of_when_they_were_allocated()
    {
        _cluster.AddNode("n");
        _cluster.AddService("web", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80) } });
        _cluster.AddTasks("web", 1);
        _cluster.ReplaceService("web", s => s.Endpoint.Ports.Add(Port(81)));
        _cluster.AddTasks("web", 1);
        Assert.Equal([1, 2], new[] { "web.1", "web.2" }.Select(id => _cluster.Task(id).Endpoint!.Ports.Count));
    }
}
