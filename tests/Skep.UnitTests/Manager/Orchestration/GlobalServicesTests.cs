using Skep.Manager;
using Skep.Manager.Orchestration;
using Xunit;
using Availability = Skep.Wire.NodeSpec.Types.Availability;

namespace Skep.UnitTests.Manager.Orchestration;

public sealed class GlobalServicesTests
{
    private static LoopHarness NewHarness(int nodes = 3, int budget = SwarmLoop.DefaultBudget)
    {
        var harness = new LoopHarness(() => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()], budget);
        harness.AddNodes(nodes);
        return harness;
    }

    private static IEnumerable<string> NodesOf(LoopHarness harness, string serviceId) => harness.RunningTasksOf(serviceId).Select(t => t.NodeId);

    [Fact]
    public void Every_node_that_takes_tasks_gets_one()
    {
        var harness = NewHarness();
        harness.AddNode("paused", Availability.Pause);
        harness.AddNode("drained", Availability.Drain);
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        Assert.Equal(["node0001", "node0002", "node0003"], NodesOf(harness, agent));
        Assert.All(harness.TasksOf(agent), t => Assert.Equal(0UL, t.Slot));
    }

    [Fact]
    public void A_small_budget_only_takes_more_turns()
    {
        var harness = NewHarness(nodes: 20, budget: 3);
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        Assert.Equal(20, NodesOf(harness, agent).Distinct().Count());
        Assert.Equal(20, harness.TasksOf(agent).Count);
    }

    [Fact]
    public void A_node_that_joins_gets_a_task_of_each_global_service()
    {
        var harness = NewHarness(nodes: 1);
        var a = harness.CreateService(Specs.Global("a"));
        var b = harness.CreateService(Specs.Global("b"));
        harness.Settle();
        harness.AddNode("late");
        harness.Settle();
        Assert.Equal(["late", "node0001"], NodesOf(harness, a));
        Assert.Equal(["late", "node0001"], NodesOf(harness, b));
    }

    [Fact]
    public void Only_nodes_that_meet_the_constraints_get_a_task()
    {
        var harness = NewHarness();
        var agent = harness.CreateService(Specs.Global("agent", spec => spec.Task.Placement = new Wire.Placement { Constraints = { "node.hostname != node0002" } }));
        harness.Settle();
        Assert.Equal(["node0001", "node0003"], NodesOf(harness, agent));
    }

    [Fact]
    public void A_drained_node_loses_its_task_and_gets_one_when_it_is_active_again()
    {
        var harness = NewHarness(nodes: 2);
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        harness.SetAvailability("node0001", Availability.Drain);
        harness.Settle();
        Assert.Equal(["node0002"], NodesOf(harness, agent));
        harness.SetAvailability("node0001", Availability.Active);
        harness.Settle();
        Assert.Equal(["node0001", "node0002"], NodesOf(harness, agent));
    }

    [Fact]
    public void A_paused_node_keeps_its_task_but_gets_no_other()
    {
        var harness = NewHarness(nodes: 1);
        var first = harness.CreateService(Specs.Global("first"));
        harness.Settle();
        harness.SetAvailability("node0001", Availability.Pause);
        var second = harness.CreateService(Specs.Global("second"));
        harness.Settle();
        Assert.Equal(["node0001"], NodesOf(harness, first));
        Assert.Empty(harness.TasksOf(second));
        harness.Engines.Fail(harness.RunningTasksOf(first)[0].Id);
        harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Empty(harness.ActiveTasksOf(first));
    }

    [Fact]
    public void The_task_of_a_lost_node_is_not_moved_and_made_anew_when_the_node_is_back()
    {
        var harness = NewHarness(nodes: 2);
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        harness.LoseNode("node0001");
        harness.Settle();
        Assert.Equal(["node0002"], NodesOf(harness, agent));
        Assert.Single(harness.ActiveTasksOf(agent));
        harness.Engines.Dead.Clear();
        harness.Arrive("node0001");
        harness.Engines.Wake();
        harness.Settle();
        Assert.Equal(["node0001", "node0002"], NodesOf(harness, agent));
    }

    [Fact]
    public void Tasks_of_a_removed_node_are_deleted()
    {
        var harness = NewHarness(nodes: 2);
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        harness.LoseNode("node0001");
        harness.Call<Wire.RemoveNodeResponse>(new Wire.RemoveNodeRequest { NodeId = "node0001" });
        harness.Settle();
        Assert.Equal("node0002", Assert.Single(harness.TasksOf(agent)).NodeId);
    }

    [Fact]
    public void A_failed_task_is_restarted_on_its_node()
    {
        var harness = NewHarness(nodes: 2);
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        harness.Engines.Fail(harness.RunningTasksOf(agent)[0].Id);
        harness.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["node0001", "node0002"], NodesOf(harness, agent));
    }

    [Fact]
    public void New_constraints_shut_down_the_tasks_of_other_nodes_and_leave_the_rest_alone()
    {
        var harness = NewHarness();
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        var kept = harness.RunningTasksOf(agent).Single(t => t.NodeId == "node0002").Id;
        harness.UpdateService(agent, spec => spec.Task.Placement = new Wire.Placement { Constraints = { "node.hostname == node0002" } });
        harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(kept, Assert.Single(harness.ActiveTasksOf(agent)).Id);
    }

    [Fact]
    public void An_update_goes_through_all_nodes()
    {
        var harness = NewHarness();
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        harness.SetImage(agent, "app:2");
        harness.Settle();
        Assert.Equal(3, harness.RunningTasksOf(agent).Count(t => t.Image() == "app:2"));
        harness.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("update completed", harness.State.Services[agent].UpdateStatus.Message);
    }

    [Fact]
    public void A_node_that_was_paused_during_an_update_gets_the_new_spec_when_it_is_active_again()
    {
        var harness = NewHarness(nodes: 2);
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        harness.SetAvailability("node0001", Availability.Pause);
        harness.SetImage(agent, "app:2");
        harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("app:1", harness.RunningTasksOf(agent).Single(t => t.NodeId == "node0001").Image());
        harness.SetAvailability("node0001", Availability.Active);
        harness.Settle();
        Assert.All(harness.RunningTasksOf(agent), t => Assert.Equal("app:2", t.Image()));
        Assert.Equal(2, harness.RunningTasksOf(agent).Count);
    }

    [Fact]
    public void Tasks_of_a_removed_service_go()
    {
        var harness = NewHarness();
        var agent = harness.CreateService(Specs.Global("agent"));
        harness.Settle();
        harness.RemoveService(agent);
        harness.Settle();
        Assert.Empty(harness.TasksOf(agent));
    }
}
