using Skep.Manager;
using Skep.Manager.Orchestration;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Orchestration;

public sealed class ReplicatedServicesTests
{
    private static LoopHarness NewHarness(int budget = SwarmLoop.DefaultBudget, int nodes = 3)
    {
        var harness = new LoopHarness(() => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()], budget);
        harness.AddNodes(nodes);
        return harness;
    }

    [Fact]
    public void A_new_service_gets_a_running_task_in_each_slot()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 4));
        harness.Settle();
        Assert.Equal([1UL, 2UL, 3UL, 4UL], harness.RunningTasksOf(web).Select(t => t.Slot));
        Assert.Equal(4, harness.TasksOf(web).Count);
    }

    [Fact]
    public void Tasks_are_created_by_one_mutation_per_turn_within_the_budget()
    {
        var harness = NewHarness(budget: 10);
        var web = harness.CreateService(Specs.Replicated("web", 225));
        harness.Settle();
        Assert.Equal(225, harness.RunningTasksOf(web).Count);
        var creations = harness.Batches.Select(b => b.Mutations.Where(m => m.CreateTasks is not null).ToList()).Where(m => m.Count > 0).ToList();
        Assert.All(creations, mutations => Assert.Single(mutations));
        var counts = creations.Select(mutations => mutations[0].CreateTasks.Tasks.Count).ToList();
        Assert.All(counts.TakeWhile((_, turn) => turn * 10 < 225 - SmallServices.MaxTasks), count => Assert.Equal(10, count));
        // What is left is few tasks: they may use the reserve, too.
        Assert.All(counts, count => Assert.InRange(count, 1, 11));
    }

    [Fact]
    public void Scaling_up_keeps_present_tasks_and_fills_the_lowest_free_slots()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 2));
        harness.Settle();
        var before = harness.RunningTasksOf(web).Select(t => t.Id).ToList();
        harness.Scale(web, 5);
        harness.Settle();
        Assert.Equal([1UL, 2UL, 3UL, 4UL, 5UL], harness.RunningTasksOf(web).Select(t => t.Slot));
        Assert.Equal(before, harness.RunningTasksOf(web).Take(2).Select(t => t.Id));
        Assert.Null(harness.State.Services[web].UpdateStatus);
    }

    [Fact]
    public void Scaling_down_takes_from_the_nodes_with_most_tasks_of_the_service()
    {
        var harness = NewHarness(nodes: 1);
        var web = harness.CreateService(Specs.Replicated("web", 4));
        harness.Settle();
        harness.AddNode("other");
        harness.SetAvailability("node0001", Wire.NodeSpec.Types.Availability.Pause);
        harness.Scale(web, 6);
        harness.Settle();
        harness.Scale(web, 4);
        harness.Settle();
        Assert.Equal(["node0001", "node0001", "other", "other"], harness.RunningTasksOf(web).Select(t => t.NodeId).Order());
        Assert.Equal([1UL, 2UL, 5UL, 6UL], harness.RunningTasksOf(web).Select(t => t.Slot));
    }

    [Fact]
    public void Scaling_down_keeps_running_tasks_rather_than_others_of_the_same_node()
    {
        var harness = NewHarness(nodes: 1);
        harness.Engines.Outcome = task => task.Slot <= 2 ? null : Wire.TaskState.Running;
        var web = harness.CreateService(Specs.Replicated("web", 4));
        harness.Settle();
        harness.Scale(web, 2);
        harness.Settle();
        Assert.Equal([3UL, 4UL], harness.ActiveTasksOf(web).Select(t => t.Slot));
    }

    [Fact]
    public void A_task_that_is_too_many_stays_known_until_it_has_stopped()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 3));
        harness.Settle();
        harness.Engines.HoldStops = true;
        harness.Scale(web, 1);
        harness.Settle();
        Assert.Equal(2, harness.TasksOf(web).Count(t => t.DesiredState == Wire.TaskState.Remove && t.State == Wire.TaskState.Running));
        harness.Engines.HoldStops = false;
        harness.Engines.Wake();
        harness.Settle();
        Assert.Single(harness.TasksOf(web));
    }

    [Fact]
    public void A_task_that_is_too_many_and_unassigned_is_deleted_at_once()
    {
        var harness = NewHarness(nodes: 0);
        var web = harness.CreateService(Specs.Replicated("web", 3));
        harness.Settle();
        Assert.All(harness.TasksOf(web), t => Assert.Equal(Wire.TaskState.Pending, t.State));
        harness.Scale(web, 1);
        harness.Settle();
        Assert.Single(harness.TasksOf(web));
    }

    [Fact]
    public void Scaling_to_zero_and_back_starts_anew()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 3));
        harness.Settle();
        harness.Scale(web, 0);
        harness.Settle();
        Assert.Empty(harness.TasksOf(web));
        harness.Scale(web, 2);
        harness.Settle();
        Assert.Equal([1UL, 2UL], harness.RunningTasksOf(web).Select(t => t.Slot));
    }

    [Fact]
    public void A_scale_that_is_changed_half_way_ends_at_the_last_word()
    {
        var harness = NewHarness(budget: 10);
        var web = harness.CreateService(Specs.Replicated("web", 1000));
        harness.Turn();
        harness.Turn();
        harness.Scale(web, 12);
        harness.Settle();
        Assert.Equal(12, harness.RunningTasksOf(web).Count);
        Assert.Equal(12, harness.TasksOf(web).Count);
    }

    [Fact]
    public void A_new_leader_goes_on_with_half_a_scale_and_makes_no_task_twice()
    {
        var harness = NewHarness(budget: 10);
        var web = harness.CreateService(Specs.Replicated("web", 100));
        harness.Turn();
        harness.Turn();
        Assert.InRange(harness.TasksOf(web).Count, 1, 99);
        harness.ChangeLeader();
        harness.Settle();
        Assert.Equal(Enumerable.Range(1, 100).Select(i => (ulong)i), harness.RunningTasksOf(web).Select(t => t.Slot));
        Assert.Equal(100, harness.TasksOf(web).Count);
    }

    [Fact]
    public void Tasks_of_a_node_that_is_lost_get_replacements_at_once_that_run_after_the_delay()
    {
        var harness = NewHarness(nodes: 2);
        var web = harness.CreateService(Specs.Replicated("web", 4));
        harness.Settle();
        harness.LoseNode("node0001");
        harness.Settle();
        var waiting = harness.ActiveTasksOf(web).Where(t => t.DesiredState == Wire.TaskState.Ready).ToList();
        Assert.Equal(2, waiting.Count);
        Assert.All(waiting, t => Assert.Equal("node0002", t.NodeId));
        harness.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(4, harness.RunningTasksOf(web).Count);
        Assert.All(harness.RunningTasksOf(web), t => Assert.Equal("node0002", t.NodeId));
        // What became of the old ones is not known, but nobody wants them any more.
        Assert.Equal(2, harness.TasksOf(web).Count(t => t.NodeId == "node0001" && t.DesiredState == Wire.TaskState.Shutdown));
    }

    [Fact]
    public void Tasks_of_a_drained_node_move_without_delay_once_they_have_stopped()
    {
        var harness = NewHarness(nodes: 2);
        var web = harness.CreateService(Specs.Replicated("web", 4));
        harness.Settle();
        harness.Engines.HoldStops = true;
        harness.SetAvailability("node0001", Wire.NodeSpec.Types.Availability.Drain);
        harness.Settle();
        Assert.Equal(2, harness.ActiveTasksOf(web).Count(t => t.State == Wire.TaskState.Ready));
        harness.Engines.HoldStops = false;
        harness.Engines.Wake();
        harness.Settle();
        Assert.Equal(4, harness.RunningTasksOf(web).Count);
        Assert.All(harness.RunningTasksOf(web), t => Assert.Equal("node0002", t.NodeId));
    }

    [Fact]
    public void A_task_that_does_not_stop_is_waited_for_a_minute_only()
    {
        var harness = NewHarness(nodes: 2);
        var web = harness.CreateService(Specs.Replicated("web", 2));
        harness.Settle();
        harness.Engines.HoldStops = true;
        harness.SetAvailability("node0001", Wire.NodeSpec.Types.Availability.Drain);
        harness.Advance(TimeSpan.FromSeconds(59));
        Assert.Single(harness.RunningTasksOf(web));
        harness.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, harness.RunningTasksOf(web).Count);
    }

    [Fact]
    public void Nodes_whose_manager_was_started_anew_are_unknown_and_keep_their_tasks_for_as_long_as_they_may_take_to_return()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 3));
        harness.Settle();
        var before = harness.RunningTasksOf(web).Select(t => t.Id).ToList();
        harness.ChangeLeader(nodesReturn: false);
        harness.Settle();
        Assert.All(harness.State.Nodes.Values, n => Assert.Equal(Wire.NodeStatus.Types.State.Unknown, n.Status.State));
        Assert.All(harness.State.Nodes.Values, n => Assert.Equal("Node moved to \"unknown\" state due to leadership change in cluster", n.Status.Message));
        harness.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(before, harness.RunningTasksOf(web).Select(t => t.Id));
    }

    [Fact]
    public void Tasks_of_a_removed_service_stop_and_are_deleted()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 3));
        harness.Settle();
        harness.Engines.HoldStops = true;
        harness.RemoveService(web);
        harness.Settle();
        Assert.All(harness.TasksOf(web), t => Assert.Equal(Wire.TaskState.Remove, t.DesiredState));
        harness.Engines.HoldStops = false;
        harness.Engines.Wake();
        harness.Settle();
        Assert.Empty(harness.TasksOf(web));
    }

    [Fact]
    public void A_new_leader_finishes_the_removal_of_a_service()
    {
        var harness = NewHarness(budget: 2);
        var web = harness.CreateService(Specs.Replicated("web", 9));
        harness.Settle();
        harness.RemoveService(web);
        harness.ChangeLeader();
        harness.Settle();
        Assert.Empty(harness.TasksOf(web));
    }

    [Fact]
    public void A_task_that_somebody_deletes_is_made_again()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 2));
        harness.Settle();
        harness.Call<Wire.RemoveTaskResponse>(new Wire.RemoveTaskRequest { TaskId = harness.RunningTasksOf(web)[0].Id });
        harness.Settle();
        Assert.Equal([1UL, 2UL], harness.RunningTasksOf(web).Select(t => t.Slot));
    }

    [Fact]
    public void A_change_of_a_healthy_task_makes_no_work_for_any_rule()
    {
        var rules = new List<IRule>();
        var harness = new LoopHarness(() => rules = [.. ServiceRules.Create()]);
        harness.AddNodes(1);
        var web = harness.CreateService(Specs.Replicated("web", 50));
        harness.Settle();
        foreach (var task in harness.TasksOf(web))
        {
            harness.Emit(new Mutation { AllocateTask = new AllocateTask { TaskId = task.Id } });
            harness.Emit(new Mutation { AssignTask = new AssignTask { TaskId = task.Id, NodeId = "node0001" } });
            harness.Engines.End(task.Id, Wire.TaskState.Running);
            harness.Turn();
            Assert.All(rules, rule => Assert.False(rule.HasWork));
        }
    }
}
