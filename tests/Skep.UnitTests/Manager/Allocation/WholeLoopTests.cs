using Skep.Manager.Allocation;
using Skep.Manager.Enforcement;
using Skep.Manager.Orchestration;
using Skep.Manager.Scheduling;
using Xunit;
using static Skep.UnitTests.Manager.Allocation.AllocationCluster;

namespace Skep.UnitTests.Manager.Allocation;

/// <summary>All rules together: what a user asks for comes to run, and stays so whatever happens to nodes and leaders.</summary>
public sealed class WholeLoopTests
{
    private readonly LoopHarness _cluster = new(() =>
        [new GossipKeysRule(), .. ServiceRules.Create(), new ConstraintEnforcementRule(), new AllocationRule(), new SchedulingRule()]);

    public WholeLoopTests()
    {
        _cluster.AddNodes(3);
        _cluster.Settle();
    }

    [Fact]
    public void One_turn_takes_a_service_from_its_spec_to_its_nodes()
    {
        _cluster.Call<Wire.CreateServiceResponse>(new Wire.CreateServiceRequest { Spec = Spec("web", 6) });
        var tasks = _cluster.State.Tasks.All.ToList();
        Assert.Equal(6, tasks.Count);
        Assert.All(tasks, t => Assert.Equal(Wire.TaskState.Assigned, t.State));
        Assert.All(_cluster.State.Nodes.Keys, n => Assert.Equal(2, _cluster.State.Tasks.OnNode(n).Count));
    }

    [Fact]
    public void A_drained_node_a_lost_node_and_a_new_leader_change_where_it_runs_but_not_that_it_runs()
    {
        var id = Create(6);
        _cluster.SetAvailability("node0001", Wire.NodeSpec.Types.Availability.Drain);
        _cluster.Advance(TimeSpan.FromMinutes(1));
        _cluster.ChangeLeader();
        _cluster.LoseNode("node0002");
        _cluster.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(6, _cluster.RunningTasksOf(id).Count(t => t.NodeId == "node0003"));
        _cluster.AssertNothingIsGivenTwice();
    }

    [Fact]
    public void A_node_that_loses_its_label_loses_its_tasks_to_one_that_has_it()
    {
        _cluster.UpdateNode("node0001", n => n.Spec.Annotations.Labels["zone"] = "east");
        var id = Create(2, s => s.Task.Placement = new Wire.Placement { Constraints = { "node.labels.zone==east" } });
        _cluster.UpdateNode("node0002", n => n.Spec.Annotations.Labels["zone"] = "east");
        _cluster.UpdateNode("node0001", n => n.Spec.Annotations.Labels.Clear());
        _cluster.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(["node0002", "node0002"], _cluster.RunningTasksOf(id).Select(t => t.NodeId));
    }

    [Fact]
    public void An_update_replaces_every_task_and_gives_back_every_address()
    {
        var id = Create(6);
        var service = _cluster.State.Services[id];
        var spec = service.Spec.Clone();
        spec.Task.Container.Image = "busybox:2";
        spec.Update = new Wire.UpdateConfig { Parallelism = 0 };
        _cluster.Call<Wire.UpdateServiceResponse>(new Wire.UpdateServiceRequest { ServiceId = id, ServiceVersion = service.Meta.Version, Spec = spec });
        _cluster.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(6, _cluster.RunningTasksOf(id).Count(t => t.Spec.Spec.Container.Image == "busybox:2"));
        Assert.Equal(30000u, _cluster.State.Services[id].Endpoint.Ports[0].PublishedPort);
        _cluster.AssertNothingIsGivenTwice();
        _cluster.Call<Wire.RemoveServiceResponse>(new Wire.RemoveServiceRequest { ServiceId = id });
        _cluster.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(_cluster.State.Tasks.All);
    }

    private string Create(ulong replicas, Action<Wire.ServiceSpec>? configure = null)
    {
        var spec = Spec("web", replicas);
        configure?.Invoke(spec);
        var id = _cluster.Call<Wire.CreateServiceResponse>(new Wire.CreateServiceRequest { Spec = spec }).Service.Id;
        _cluster.Settle();
        Assert.Equal((int)replicas, _cluster.RunningTasksOf(id).Count);
        return id;
    }

    private static Wire.ServiceSpec Spec(string name, ulong replicas) => new()
    {
        Annotations = new Wire.Annotations { Name = name },
        Task = new Wire.TaskSpec { Container = new Wire.ContainerSpec { Image = "busybox" } },
        Replicated = new Wire.ReplicatedService { Replicas = replicas },
        Endpoint = new Wire.EndpointSpec { Ports = { Port(80) } },
    };
}
