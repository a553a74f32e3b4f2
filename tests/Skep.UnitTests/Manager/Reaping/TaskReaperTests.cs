using Skep.Manager;
using Skep.Manager.Orchestration;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Reaping;

public sealed class TaskReaperTests
{
    private static LoopHarness NewHarness(int budget = SwarmLoop.DefaultBudget)
    {
        var harness = new LoopHarness(() => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()], budget);
        harness.AddNodes(2);
        return harness;
    }

    private static void SetHistory(LoopHarness harness, long limit)
    {
        var cluster = harness.State.Cluster!.Clone();
        cluster.Spec.Orchestration.TaskHistoryRetentionLimit = limit;
        harness.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
    }

    private static string RunAndFail(LoopHarness harness, int times, Wire.RestartPolicy? policy = null)
    {
        var web = harness.CreateService(Specs.Replicated("web", 1, spec => spec.Task.Restart = policy));
        harness.Settle();
        for (var i = 0; i < times; i++)
        {
            harness.Engines.Fail(harness.RunningTasksOf(web)[0].Id);
            harness.Advance(TimeSpan.FromSeconds(10));
        }
        return web;
    }

    [Theory]
    [InlineData(5, 9, 5)]
    [InlineData(5, 3, 4)]
    [InlineData(1, 4, 1)]
    [InlineData(0, 4, 1)]
    [InlineData(-1, 12, 13)]
    public void A_slot_keeps_as_many_tasks_as_the_cluster_says(long limit, int failures, int kept)
    {
        var harness = NewHarness();
        SetHistory(harness, limit);
        var web = RunAndFail(harness, failures);
        Assert.Equal(kept, harness.TasksOf(web).Count);
        Assert.Single(harness.RunningTasksOf(web));
    }

    [Fact]
    public void The_oldest_tasks_go_first()
    {
        var harness = NewHarness();
        SetHistory(harness, 3);
        var web = RunAndFail(harness, 2);
        var oldest = harness.TasksOf(web)[0].Id;
        harness.Engines.Fail(harness.RunningTasksOf(web)[0].Id);
        harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(3, harness.TasksOf(web).Count);
        Assert.DoesNotContain(harness.TasksOf(web), t => t.Id == oldest);
    }

    [Fact]
    public void A_limit_of_attempts_keeps_what_it_is_counted_by()
    {
        var harness = NewHarness();
        SetHistory(harness, 1);
        var web = RunAndFail(harness, 4, new Wire.RestartPolicy { Condition = Wire.RestartPolicy.Types.RestartCondition.Any, MaxAttempts = 7 });
        Assert.Equal(5, harness.TasksOf(web).Count);
    }

    [Fact]
    public void A_task_that_ended_for_good_keeps_its_slot_even_without_history()
    {
        var harness = NewHarness();
        SetHistory(harness, 0);
        var web = harness.CreateService(Specs.Replicated("web", 1, spec =>
            spec.Task.Restart = new Wire.RestartPolicy { Condition = Wire.RestartPolicy.Types.RestartCondition.OnFailure }));
        harness.Settle();
        harness.Engines.End(harness.RunningTasksOf(web)[0].Id, Wire.TaskState.Complete);
        harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(Wire.TaskState.Complete, Assert.Single(harness.TasksOf(web)).State);
    }

    [Fact]
    public void A_task_that_still_stops_is_counted_but_not_deleted()
    {
        var harness = NewHarness();
        SetHistory(harness, 1);
        var web = harness.CreateService(Specs.Replicated("web", 1));
        harness.Settle();
        harness.Engines.HoldStops = true;
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Equal(2, harness.TasksOf(web).Count);
        harness.Engines.HoldStops = false;
        harness.Engines.Wake();
        harness.Settle();
        Assert.Equal("app:2", Assert.Single(harness.TasksOf(web)).Image());
    }

    [Fact]
    public void All_deletions_of_a_turn_are_one_mutation_within_the_budget()
    {
        var harness = NewHarness(budget: 10);
        var web = harness.CreateService(Specs.Replicated("web", 35));
        harness.Settle();
        harness.Batches.Clear();
        harness.RemoveService(web);
        harness.Settle();
        var removals = harness.Batches.Select(b => b.Mutations.Where(m => m.RemoveTasks is not null).ToList()).Where(m => m.Count > 0).ToList();
        Assert.All(removals, mutations => Assert.Single(mutations));
        Assert.All(removals, mutations => Assert.InRange(mutations[0].RemoveTasks.TaskIds.Count, 1, 10));
        Assert.Empty(harness.State.Tasks.All);
    }

    [Fact]
    public void A_new_leader_deletes_what_the_old_one_left_over()
    {
        var harness = NewHarness();
        var web = RunAndFail(harness, 4);
        harness.Emit(new Mutation { SetTaskDesiredState = new SetTaskDesiredState { TaskId = harness.TasksOf(web)[0].Id, DesiredState = Wire.TaskState.Shutdown } });
        SetHistory(harness, 2);
        harness.ChangeLeader();
        harness.Settle();
        Assert.Equal(2, harness.TasksOf(web).Count);
    }

    [Fact]
    public void Tasks_of_a_node_that_is_down_for_a_day_are_orphaned()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 2));
        harness.Settle();
        harness.LoseNode("node0001");
        harness.Advance(TimeSpan.FromHours(23.9));
        Assert.Equal(Wire.TaskState.Running, OnLostNode().State);
        harness.Advance(TimeSpan.FromHours(0.1));
        Assert.Equal(Wire.TaskState.Orphaned, OnLostNode().State);

        TaskRecord OnLostNode() => harness.TasksOf(web).Single(t => t.NodeId == "node0001");
    }

    [Fact]
    public void A_node_that_comes_back_within_the_day_keeps_what_it_has()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 2));
        harness.Settle();
        harness.LoseNode("node0001");
        harness.Engines.HoldStops = true;
        harness.Advance(TimeSpan.FromHours(23));
        harness.Engines.Dead.Clear();
        harness.Arrive("node0001");
        harness.Advance(TimeSpan.FromHours(48));
        Assert.DoesNotContain(harness.TasksOf(web), t => t.State == Wire.TaskState.Orphaned);
    }

    [Fact]
    public void A_new_leader_counts_the_day_on()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 2));
        harness.Settle();
        harness.LoseNode("node0001");
        harness.Advance(TimeSpan.FromHours(20));
        harness.ChangeLeader();
        harness.Advance(TimeSpan.FromHours(4));
        Assert.Contains(harness.TasksOf(web), t => t.State == Wire.TaskState.Orphaned);
    }

    [Fact]
    public void An_attachment_of_a_removed_node_is_deleted()
    {
        var harness = NewHarness();
        harness.Emit(new Mutation
        {
            CreateAttachment = new CreateAttachment
            {
                Id = "attachment",
                NodeId = "node0001",
                Spec = new Wire.TaskSpec { Attachment = new Wire.NetworkAttachmentSpec { ContainerId = "c" } },
            },
        });
        harness.Settle();
        harness.LoseNode("node0001");
        harness.Call<Wire.RemoveNodeResponse>(new Wire.RemoveNodeRequest { NodeId = "node0001" });
        harness.Settle();
        Assert.Empty(harness.State.Tasks.All);
    }
}
