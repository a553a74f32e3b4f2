using Skep.Manager;
using Skep.Manager.Scheduling;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Scheduling;

public sealed class SchedulingRuleTests
{
    private readonly LoopHarness _cluster = new(() => [new StandInAllocator(), new SchedulingRule()]);

    [Fact]
    public void Tasks_go_where_their_service_has_fewest_and_then_where_there_are_fewest()
    {
        _cluster.AddNodes(3);
        _cluster.AddService("a");
        _cluster.AddTasks("a", 4);
        Assert.Equal([1, 1, 2], CountsOf("a"));
        var busiest = _cluster.State.Nodes.Keys.MaxBy(n => _cluster.State.Tasks.OnNode(n).Count)!;
        _cluster.AddService("b");
        _cluster.AddTasks("b", 2);
        Assert.DoesNotContain(_cluster.TasksOf("b"), t => t.NodeId == busiest);
        Assert.All(_cluster.TasksOf("b"), t => Assert.Equal(Wire.TaskState.Running, t.State));
    }

    [Fact]
    public void A_new_empty_node_does_not_get_all_tasks_of_a_service()
    {
        _cluster.AddNodes(2);
        _cluster.AddService("old");
        _cluster.AddTasks("old", 20);
        _cluster.AddNode("new");
        _cluster.AddService("web");
        _cluster.AddTasks("web", 6);
        Assert.Equal([2, 2, 2], CountsOf("web"));
    }

    [Fact]
    public void Says_why_no_node_will_do_and_says_it_once()
    {
        _cluster.AddNodes(3);
        _cluster.SetAvailability("node0001", Wire.NodeSpec.Types.Availability.Drain);
        _cluster.AddService("web", s => s.Task.Placement.Constraints.Add("node.labels.zone==east"));
        _cluster.Changes.Clear();
        _cluster.AddTasks("web", 2);
        Assert.All(_cluster.TasksOf("web"), t => Assert.Equal(
            "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks)", t.Status.Err));
        var told = _cluster.Changes.OfType<TaskChange>().Count();
        _cluster.UpdateNode("node0002", n => n.Description.Hostname = "renamed");
        _cluster.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(told, _cluster.Changes.OfType<TaskChange>().Count());
    }

    [Fact]
    public void Without_any_node_it_says_so()
    {
        _cluster.AddService("web");
        _cluster.AddTasks("web", 1);
        Assert.Equal("no suitable node", _cluster.Task("web.1").Status.Err);
    }

    [Fact]
    public void A_changed_reason_is_told_at_most_every_few_seconds_but_placing_never_waits()
    {
        _cluster.AddNodes(1);
        _cluster.AddService("web", s => s.Task.Placement.Constraints.Add("node.labels.zone==east"));
        _cluster.AddTasks("web", 2);
        _cluster.AddNode("b");
        _cluster.AddNode("c");
        Assert.Equal("no suitable node (scheduling constraints not satisfied on 1 node)", _cluster.Task("web.1").Status.Err);
        _cluster.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal("no suitable node (scheduling constraints not satisfied on 3 nodes)", _cluster.Task("web.1").Status.Err);
        _cluster.UpdateNode("c", n => n.Spec.Annotations.Labels["zone"] = "east");
        Assert.All(_cluster.TasksOf("web"), t => Assert.Equal("c", t.NodeId));
        Assert.All(_cluster.TasksOf("web"), t => Assert.Equal("", t.Status.Err));
    }

    public static TheoryData<string, Action<Wire.ServiceSpec>> Impossible => new()
    {
        { "insufficient resources on 2 nodes", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 3_000_000_000 } },
        { "insufficient resources on 2 nodes", s => s.Task.Resources.Reservations = new Wire.Resources { MemoryBytes = 3L << 30 } },
        { "insufficient resources on 2 nodes", s => s.Task.Resources.Reservations = new Wire.Resources { Generic = { Given.Count("gpu", 1) } } },
        { "missing plugin on 2 nodes", s => s.Task.LogDriver = new Wire.Driver { Name = "splunk" } },
        { "missing plugin on 2 nodes", s => s.Task.Container.Mounts.Add(VolumeOf("flocker")) },
        { "unsupported platform on 2 nodes", s => s.Task.Placement.Platforms.Add(new Wire.Platform { Os = "windows" }) },
        { "scheduling constraints not satisfied on 2 nodes", s => s.Task.Placement.Constraints.Add("node.role==manager") },
        { "cannot fulfill requested CSI volume mounts on 2 nodes", s => s.Task.Container.Mounts.Add(new Wire.Mount { Type = Wire.Mount.Types.Type.Cluster }) },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Each_filter_has_its_words(string words, Action<Wire.ServiceSpec> ask)
    {
        AddLargeNode("a");
        AddLargeNode("b");
        _cluster.AddService("web", ask);
        _cluster.AddTasks("web", 1);
        Assert.Equal($"no suitable node ({words})", _cluster.Task("web.1").Status.Err);
    }

    [Fact]
    public void What_every_node_has_is_enough()
    {
        AddLargeNode("a");
        _cluster.AddService("web", s =>
        {
            s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 2_000_000_000, MemoryBytes = 2L << 30 };
            s.Task.LogDriver = new Wire.Driver { Name = "json-file" };
            s.Task.Container.Mounts.Add(VolumeOf("nfs"));
            s.Task.Placement.Platforms.Add(new Wire.Platform { Os = "linux", Architecture = "amd64" });
        });
        _cluster.AddTasks("web", 1);
        Assert.Equal("a", _cluster.Task("web.1").NodeId);
    }

    [Fact]
    public void Reserved_resources_are_never_given_twice_and_are_given_again_when_a_task_has_ended()
    {
        AddLargeNode("a");
        _cluster.AddService("web", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 1_000_000_000 });
        _cluster.AddTasks("web", 3);
        Assert.Equal(2, _cluster.RunningTasksOf("web").Count);
        Assert.Equal("no suitable node (insufficient resources on 1 node)", _cluster.Task("web.3").Status.Err);
        _cluster.ChangeLeader();
        _cluster.Settle();
        Assert.Equal(Wire.TaskState.Pending, _cluster.Task("web.3").State);
        _cluster.Engines.Fail("web.1");
        _cluster.Settle();
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("web.3").State);
    }

    [Fact]
    public void A_task_that_is_being_stopped_still_holds_its_resources()
    {
        AddLargeNode("a");
        _cluster.Engines.HoldStops = true;
        _cluster.AddService("web", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 2_000_000_000 });
        _cluster.AddTasks("web", 1);
        _cluster.SetDesired("web.1", Wire.TaskState.Shutdown);
        _cluster.AddTasks("web", 1);
        Assert.Equal(Wire.TaskState.Pending, _cluster.Task("web.2").State);
        _cluster.Engines.HoldStops = false;
        _cluster.Engines.Wake();
        _cluster.Settle();
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("web.2").State);
    }

    [Fact]
    public void Named_generic_resources_go_to_one_task_each()
    {
        _cluster.AddNode("a", n => n.Description.Resources.Generic.Add([Given.Named("gpu", "u1"), Given.Named("gpu", "u2"), Given.Named("gpu", "u3")]));
        _cluster.AddService("ml", s => s.Task.Resources.Reservations = new Wire.Resources { Generic = { Given.Count("gpu", 1) } });
        _cluster.AddTasks("ml", 2);
        _cluster.ChangeLeader();
        _cluster.AddTasks("ml", 2);
        var given = _cluster.TasksOf("ml").SelectMany(t => t.GenericResources).Select(r => r.NamedResourceSpec.Value).ToList();
        Assert.Equal(["u1", "u2", "u3"], given.Order());
        Assert.Equal(Wire.TaskState.Pending, _cluster.Task("ml.4").State);
    }

    [Fact]
    public void A_host_port_is_used_once_per_node()
    {
        _cluster.AddNodes(2);
        _cluster.AddService("web");
        WithHostPort("web", 80);
        _cluster.AddTasks("web", 3);
        Assert.Equal([1, 1], CountsOf("web"));
        Assert.Equal("no suitable node (host-mode port already in use on 2 nodes)", _cluster.Task("web.3").Status.Err);
        _cluster.RemoveTask("web.1");
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("web.3").State);
    }

    [Fact]
    public void Max_replicas_per_node_holds()
    {
        _cluster.AddNodes(2);
        _cluster.AddService("web", s => s.Task.Placement.MaxReplicas = 2);
        _cluster.AddTasks("web", 5);
        Assert.Equal([2, 2], CountsOf("web"));
        Assert.Equal("no suitable node (max replicas per node limit exceed)", _cluster.Task("web.5").Status.Err);
    }

    [Fact]
    public void The_engine_beside_a_manager_counts_as_a_manager()
    {
        _cluster.AddNodes(2);
        _cluster.AddService("ui", s => s.Task.Placement.Constraints.Add("node.role==manager"));
        _cluster.AddTasks("ui", 1);
        Assert.Equal(Wire.TaskState.Pending, _cluster.Task("ui.1").State);
        _cluster.Call(new ManagerReport("manager", "node0002", "", "", 0));
        _cluster.Settle();
        Assert.Equal("node0002", _cluster.Task("ui.1").NodeId);
    }

    [Fact]
    public void Preferences_spread_over_zones_first()
    {
        for (var i = 0; i < 6; i++)
            _cluster.AddNode($"n{i}", n => n.Spec.Annotations.Labels["zone"] = i == 0 ? "east" : "west");
        _cluster.AddService("web", s => s.Task.Placement.Preferences.Add(new Wire.PlacementPreference { Spread = new Wire.SpreadOver { SpreadDescriptor = "node.labels.zone" } }));
        _cluster.AddTasks("web", 10);
        Assert.Equal(5, _cluster.State.Tasks.OnNode("n0").Count);
        Assert.All(Enumerable.Range(1, 5), i => Assert.Single(_cluster.State.Tasks.OnNode($"n{i}")));
    }

    [Fact]
    public void A_full_zone_leaves_its_share_to_the_others()
    {
        _cluster.AddNode("e", n => n.Spec.Annotations.Labels["zone"] = "east");
        _cluster.AddNode("w", n => n.Spec.Annotations.Labels["zone"] = "west");
        _cluster.AddNode("v", n => n.Spec.Annotations.Labels["zone"] = "west");
        _cluster.AddService("web", s =>
        {
            s.Task.Placement.MaxReplicas = 3;
            s.Task.Placement.Preferences.Add(new Wire.PlacementPreference { Spread = new Wire.SpreadOver { SpreadDescriptor = "node.labels.zone" } });
        });
        _cluster.AddTasks("web", 9);
        Assert.Equal([3, 3, 3], CountsOf("web"));
    }

    [Fact]
    public void A_node_on_which_a_service_fails_again_and_again_is_chosen_last_for_five_minutes()
    {
        _cluster.AddNode("bad");
        _cluster.AddService("web");
        _cluster.AddTasks("web", 5);
        foreach (var task in _cluster.TasksOf("web"))
            _cluster.Engines.Fail(task.Id);
        _cluster.Settle();
        _cluster.AddNode("good");
        _cluster.AddTasks("web", 4);
        Assert.Equal(["good"], _cluster.RunningTasksOf("web").Select(t => t.NodeId).Distinct());
        _cluster.ChangeLeader();
        _cluster.AddTasks("web", 1);
        Assert.Equal("good", _cluster.Task("web.10").NodeId);
        _cluster.Advance(TimeSpan.FromMinutes(6));
        _cluster.AddTasks("web", 1);
        Assert.Equal("bad", _cluster.Task("web.11").NodeId);
    }

    [Fact]
    public void A_global_task_is_checked_on_its_own_node()
    {
        _cluster.AddNodes(2);
        _cluster.SetAvailability("node0002", Wire.NodeSpec.Types.Availability.Pause);
        _cluster.AddService("agent");
        _cluster.Engines.Outcome = _ => null;
        var first = _cluster.Task(_cluster.AddTaskOn("agent", "node0001"));
        Assert.Equal((Wire.TaskState.Assigned, "scheduler confirmed task can run on preassigned node"), (first.State, first.Status.Message));
        var id = _cluster.AddTaskOn("agent", "node0002");
        Assert.Equal("1 node not available for new tasks", _cluster.Task(id).Status.Err);
        _cluster.SetAvailability("node0002", Wire.NodeSpec.Types.Availability.Active);
        _cluster.Settle();
        Assert.Equal(Wire.TaskState.Assigned, _cluster.Task(id).State);
    }

    [Fact]
    public void A_task_that_never_got_a_node_is_shut_down_without_one()
    {
        _cluster.AddService("web");
        _cluster.AddTasks("web", 1);
        _cluster.SetDesired("web.1", Wire.TaskState.Shutdown);
        Assert.Equal(Wire.TaskState.Shutdown, _cluster.Task("web.1").State);
        _cluster.AddNodes(1);
        _cluster.Settle();
        Assert.Equal("", _cluster.Task("web.1").NodeId);
    }

    [Fact]
    public void A_burst_is_placed_over_several_turns_and_other_services_have_their_share()
    {
        var cluster = new LoopHarness(() => [new StandInAllocator(), new SchedulingRule()], budget: 100);
        cluster.AddNodes(10);
        cluster.AddService("burst");
        cluster.AddTasks("burst", 1_000);
        Assert.Equal(1_000, cluster.RunningTasksOf("burst").Count);
        var sizes = cluster.Batches.Select(b => b.Mutations.Sum(m => m.AssignTasks?.TaskIds.Count ?? 0)).ToList();
        Assert.Equal(1_000, sizes.Sum());
        Assert.InRange(sizes.Max(), 1, 100);
    }

    [Fact]
    public void Services_that_ask_for_different_things_are_not_taken_for_alike()
    {
        _cluster.AddNode("a", n =>
        {
            n.Spec.Annotations.Labels["zone"] = "east";
            n.Description.Resources = new Wire.Resources { NanoCpus = 1, MemoryBytes = 9 };
        });
        _cluster.AddNode("b", n =>
        {
            n.Spec.Annotations.Labels["zone"] = "west";
            n.Description.Resources = new Wire.Resources { NanoCpus = 9, MemoryBytes = 1 };
        });
        foreach (var (service, node, ask) in new (string, string, Action<Wire.ServiceSpec>)[]
        {
            ("east", "a", s => s.Task.Placement.Constraints.Add("node.labels.zone==east")),
            ("west", "b", s => s.Task.Placement.Constraints.Add("node.labels.zone==west")),
            ("cpus", "b", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 5 }),
            ("memory", "a", s => s.Task.Resources.Reservations = new Wire.Resources { MemoryBytes = 5 }),
            ("nowhere", "", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 5, MemoryBytes = 5 }),
        })
        {
            _cluster.AddService(service, ask);
            _cluster.AddTasks(service, 1);
            Assert.Equal(node, _cluster.Task($"{service}.1").NodeId);
        }
    }

    [Fact]
    public void After_a_change_of_leader_the_oldest_still_come_first()
    {
        _cluster.AddService("web", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 1 });
        _cluster.AddTasks("web", 3);
        _cluster.Advance(TimeSpan.FromSeconds(1));
        _cluster.RemoveTask("web.1");
        _cluster.AddTasks("web", 1);
        _cluster.ChangeLeader();
        _cluster.AddNode("a", n => n.Description.Resources.NanoCpus = 2);
        Assert.Equal(["web.2", "web.3"], _cluster.RunningTasksOf("web").Select(t => t.Id).Order());
    }

    private void AddLargeNode(string id) => _cluster.AddNode(id, n =>
    {
        n.Description.Platform = new Wire.Platform { Os = "linux", Architecture = "x86_64" };
        n.Description.Resources = new Wire.Resources { NanoCpus = 2_000_000_000, MemoryBytes = 2L << 30 };
        n.Description.Engine = new Wire.EngineDescription
        {
            Plugins = { new Wire.PluginDescription { Type = "Log", Name = "json-file" }, new Wire.PluginDescription { Type = "Volume", Name = "nfs:latest" } },
        };
    });

    private void WithHostPort(string serviceId, uint port)
    {
        var service = _cluster.State.Services[serviceId].Clone();
        service.Endpoint = new Wire.Endpoint
        {
            Ports = { new Wire.PortConfig { PublishedPort = port, TargetPort = port, PublishMode = Wire.PortConfig.Types.PublishMode.Host } },
        };
        _cluster.Emit(new Mutation { PutService = new PutService { Service = service } });
    }

    private static Wire.Mount VolumeOf(string driver) => new()
    {
        Type = Wire.Mount.Types.Type.Volume,
        VolumeOptions = new Wire.Mount.Types.VolumeOptions { DriverConfig = new Wire.Driver { Name = driver } },
    };

    private int[] CountsOf(string serviceId) =>
        [.. _cluster.State.Nodes.Keys.Select(n => _cluster.State.Tasks.OnNode(n).Count(t => t.ServiceId == serviceId)).Order()];
}
