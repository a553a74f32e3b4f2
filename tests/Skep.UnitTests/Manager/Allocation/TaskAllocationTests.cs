using Skep.Manager;
using Skep.Manager.Allocation;
using Skep.State;
using Xunit;
using static Skep.UnitTests.Manager.Allocation.AllocationCluster;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class TaskAllocationTests
{
    private readonly LoopHarness _cluster = New();

    public TaskAllocationTests() => _cluster.AddNode("n");

    [Fact]
    public void A_task_has_an_address_on_each_of_its_networks_ingress_first()
    {
        var a = _cluster.AddNetwork("a");
        _cluster.AddServiceOn("web", a);
        _cluster.ReplaceService("web", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80) } });
        _cluster.AddTasks("web", 2);
        Assert.Equal([_cluster.Ingress().Id, a], _cluster.Task("web.1").Attachments.Select(x => x.NetworkId));
        Assert.All(_cluster.Task("web.1").Attachments, x => Assert.EndsWith("/24", x.Addresses.Single(), StringComparison.Ordinal));
        _cluster.AssertNothingIsGivenTwice();
    }

    [Fact]
    public void The_hosts_network_needs_no_address()
    {
        var host = _cluster.State.Networks.Values.Single(n => n.DriverState.Name == "host").Id;
        _cluster.AddServiceOn("agent", host);
        _cluster.AddTasks("agent", 1);
        var attachment = Assert.Single(_cluster.Task("agent.1").Attachments);
        Assert.Equal((host, 0), (attachment.NetworkId, attachment.Addresses.Count));
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("agent.1").State);
    }

    [Fact]
    public void An_address_that_was_just_freed_is_not_given_again_at_once()
    {
        var a = _cluster.AddNetwork("a");
        _cluster.AddServiceOn("web", a);
        _cluster.AddTasks("web", 1);
        var address = _cluster.Task("web.1").AddressIn(a);
        _cluster.Engines.Fail("web.1");
        _cluster.Settle();
        _cluster.AddTasks("web", 2);
        Assert.DoesNotContain(_cluster.TasksOf("web").Where(t => t.Id != "web.1"), t => t.AddressIn(a) == address);
    }

    [Fact]
    public void When_the_addresses_are_used_up_tasks_wait_and_say_so_and_go_on_when_one_is_free()
    {
        // 16 addresses: network, broadcast, gateway, the service's, the node's: 11 are left.
        var a = _cluster.AddNetwork("a", "10.9.0.0/28");
        _cluster.AddServiceOn("web", a);
        _cluster.AddTasks("web", 1);
        _cluster.AddTasks("web", 12);
        var waiting = _cluster.TasksOf("web").Where(t => t.State == Wire.TaskState.New).ToList();
        Assert.Equal(2, waiting.Count);
        Assert.Equal($"failed to allocate network IP for task {waiting[0].Id} network {a}: could not find an available IP", waiting[0].Status.Err);
        _cluster.AssertNothingIsGivenTwice();
        _cluster.RemoveTask("web.1");
        Assert.Single(_cluster.TasksOf("web"), t => t.State == Wire.TaskState.New);
        _cluster.ChangeLeader();
        _cluster.Engines.Fail("web.2");
        _cluster.Settle();
        Assert.DoesNotContain(_cluster.TasksOf("web"), t => t.State == Wire.TaskState.New);
        _cluster.AssertNothingIsGivenTwice();
    }

    [Fact]
    public void A_container_of_docker_run_gets_the_address_it_asks_for_once()
    {
        var a = _cluster.AddNetwork("a", attachable: true);
        string Attach(string address) => _cluster.Call(new AttachNetwork("n", new Wire.NetworkAttachmentConfig { Target = "a", Addresses = { address } }, "container"));
        var first = Attach("10.0.1.77");
        var second = Attach("10.0.1.77");
        _cluster.Settle();
        Assert.Equal("10.0.1.77/24", _cluster.Task(first).AddressIn(a));
        Assert.Equal(Wire.TaskState.Running, _cluster.Task(first).State);
        Assert.EndsWith("Address already in use", _cluster.Task(second).Status.Err, StringComparison.Ordinal);
        _cluster.Call(new DetachNetwork("n", first));
        _cluster.Settle();
        Assert.Equal("10.0.1.77/24", _cluster.Task(second).AddressIn(a));
    }

    [Fact]
    public void A_burst_is_allocated_over_several_turns()
    {
        var cluster = New(budget: 50);
        cluster.AddNode("n");
        var a = cluster.AddNetwork("a", "10.20.0.0/16");
        cluster.AddServiceOn("web", a);
        cluster.AddTasks("web", 500);
        Assert.Equal(500, cluster.RunningTasksOf("web").Count);
        cluster.AssertNothingIsGivenTwice();
    }

    [Fact]
    public void Two_managers_decide_alike_from_the_same_state()
    {
        var a = _cluster.AddNetwork("a");
        _cluster.AddServiceOn("web", a);
        _cluster.AddTasks("web", 30);
        foreach (var task in _cluster.TasksOf("web").Where(t => t.Slot % 3 == 0))
            _cluster.RemoveTask(task.Id);
        var waiting = new CreateTasks { ServiceId = "web" };
        waiting.Tasks.Add(Enumerable.Range(100, 20).Select(i => new NewTask { Id = $"web.{i}", Slot = (ulong)i, DesiredState = Wire.TaskState.Running }));
        var state = _cluster.Follower;
        state.Begin(_cluster.Now);
        state.Apply(new Mutation { CreateTasks = waiting }, []);
        Batch? Decide() => new SwarmLoop(state.Clone(), new IdSource(new byte[32]), [new AllocationRule()], _cluster.Now).Take(_cluster.Now, []).Batch;
        var first = Decide();
        Assert.Equal(20, first!.Mutations.Count);
        Assert.Equal(first, Decide());
    }
}
