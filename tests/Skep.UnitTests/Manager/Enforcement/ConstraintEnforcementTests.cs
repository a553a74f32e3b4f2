using Skep.Manager;
using Skep.Manager.Enforcement;
using Skep.Manager.Scheduling;
using Xunit;

namespace Skep.UnitTests.Manager.Enforcement;

public sealed class ConstraintEnforcementTests
{
    private readonly LoopHarness _cluster = new(() => [new ConstraintEnforcementRule(), new StandInAllocator(), new SchedulingRule()]);

    public ConstraintEnforcementTests()
    {
        _cluster.AddNode("a", n =>
        {
            n.Spec.Annotations.Labels["zone"] = "east";
            n.Description.Resources = new Wire.Resources { NanoCpus = 4, MemoryBytes = 4, Generic = { Given.Named("gpu", "u1") } };
        });
    }

    [Fact]
    public void A_task_whose_node_lost_the_label_is_rejected()
    {
        _cluster.AddService("web", s => s.Task.Placement.Constraints.Add("node.labels.zone==east"));
        _cluster.AddService("any");
        _cluster.AddTasks("web", 1);
        _cluster.AddTasks("any", 1);
        _cluster.UpdateNode("a", n => n.Spec.Annotations.Labels["zone"] = "west");
        var status = _cluster.Task("web.1").Status;
        Assert.Equal((Wire.TaskState.Rejected, "task rejected by constraint enforcer", "assigned node no longer meets constraints"), (status.State, status.Message, status.Err));
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("web.1").DesiredState);
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("any.1").State);
    }

    [Fact]
    public void The_services_constraints_of_today_count()
    {
        _cluster.AddService("web");
        _cluster.AddTasks("web", 1);
        _cluster.ReplaceService("web", s => s.Task.Placement.Constraints.Add("node.labels.zone==east"));
        _cluster.UpdateNode("a", n => n.Spec.Annotations.Labels.Clear());
        Assert.Equal(Wire.TaskState.Rejected, _cluster.Task("web.1").State);
    }

    [Fact]
    public void When_a_node_shrank_the_newest_tasks_go()
    {
        _cluster.AddService("web", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 2, MemoryBytes = 1 });
        _cluster.AddTasks("web", 1);
        _cluster.Advance(TimeSpan.FromSeconds(1));
        _cluster.AddTasks("web", 1);
        _cluster.UpdateNode("a", n => n.Description.Resources.NanoCpus = 3);
        Assert.Equal([Wire.TaskState.Running, Wire.TaskState.Rejected], _cluster.TasksOf("web").Select(t => t.State));
    }

    [Fact]
    public void A_generic_resource_that_is_gone_takes_its_task_with_it()
    {
        _cluster.AddService("ml", s => s.Task.Resources.Reservations = new Wire.Resources { Generic = { Given.Count("gpu", 1) } });
        _cluster.AddTasks("ml", 1);
        _cluster.UpdateNode("a", n => n.Spec.Annotations.Labels["x"] = "y");
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("ml.1").State);
        _cluster.UpdateNode("a", n => n.Description.Resources.Generic.Clear());
        Assert.Equal(Wire.TaskState.Rejected, _cluster.Task("ml.1").State);
    }

    [Fact]
    public void A_paused_node_is_left_alone()
    {
        _cluster.AddService("web", s => s.Task.Placement.Constraints.Add("node.labels.zone==east"));
        _cluster.AddTasks("web", 1);
        _cluster.SetAvailability("a", Wire.NodeSpec.Types.Availability.Pause);
        _cluster.UpdateNode("a", n => n.Spec.Annotations.Labels.Clear());
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("web.1").State);
        _cluster.SetAvailability("a", Wire.NodeSpec.Types.Availability.Active);
        _cluster.Settle();
        Assert.Equal(Wire.TaskState.Rejected, _cluster.Task("web.1").State);
    }

    [Fact]
    public void A_host_that_is_no_manager_any_more_loses_what_was_for_managers()
    {
        _cluster.Call(new ManagerReport("manager", "a", "", "", 0));
        _cluster.AddService("ui", s => s.Task.Placement.Constraints.Add("node.role==manager"));
        _cluster.AddTasks("ui", 1);
        Assert.Equal(Wire.TaskState.Running, _cluster.Task("ui.1").State);
        _cluster.Call(new ManagerReport("manager", "b", "", "", 0));
        _cluster.Settle();
        Assert.Equal(Wire.TaskState.Rejected, _cluster.Task("ui.1").State);
    }

    [Fact]
    public void A_new_leader_looks_at_every_node()
    {
        var cluster = new LoopHarness(() => [new StandInAllocator(), new SchedulingRule()]);
        cluster.AddNode("a", n => n.Spec.Annotations.Labels["zone"] = "east");
        cluster.AddService("web", s => s.Task.Placement.Constraints.Add("node.labels.zone==east"));
        cluster.AddTasks("web", 1);
        cluster.UpdateNode("a", n => n.Spec.Annotations.Labels.Clear());
        var loop = new SwarmLoop(cluster.Follower.Clone(), new IdSource(new byte[32]), [new ConstraintEnforcementRule()], cluster.Now);
        loop.Take(cluster.Now, []);
        Assert.Equal(Wire.TaskState.Rejected, loop.State.Tasks.Find("web.1")!.State);
    }
}
