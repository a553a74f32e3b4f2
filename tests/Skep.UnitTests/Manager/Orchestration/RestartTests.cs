using Skep.Manager.Orchestration;
using Skep.State;
using Xunit;
using Condition = Skep.Wire.RestartPolicy.Types.RestartCondition;

namespace Skep.UnitTests.Manager.Orchestration;

public sealed class RestartTests
{
    private static LoopHarness NewHarness()
    {
        var harness = new LoopHarness(() => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()]);
        harness.AddNodes(2);
        return harness;
    }

    private static string CreateService(LoopHarness harness, Wire.RestartPolicy? policy)
    {
        var id = harness.CreateService(Specs.Replicated("web", 1, spec => spec.Task.Restart = policy));
        harness.Settle();
        return id;
    }

    private static TaskRecord Only(IReadOnlyList<TaskRecord> tasks) => Assert.Single(tasks);

    [Fact]
    public void A_failed_task_is_replaced_and_the_replacement_runs_after_five_seconds()
    {
        var harness = NewHarness();
        var web = CreateService(harness, policy: null);
        var old = Only(harness.RunningTasksOf(web));
        harness.Engines.Fail(old.Id);
        harness.Settle();
        var replacement = Only(harness.ActiveTasksOf(web));
        Assert.Equal((Wire.TaskState.Ready, Wire.TaskState.Ready, 1UL), (replacement.DesiredState, replacement.State, replacement.Slot));
        Assert.Equal(Wire.TaskState.Shutdown, harness.State.Tasks.Find(old.Id)!.DesiredState);
        harness.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Empty(harness.RunningTasksOf(web));
        harness.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(replacement.Id, Only(harness.RunningTasksOf(web)).Id);
    }

    [Fact]
    public void A_delay_of_zero_restarts_at_once()
    {
        var harness = NewHarness();
        var web = CreateService(harness, new Wire.RestartPolicy { Condition = Condition.Any, Delay = Specs.Seconds(0) });
        harness.Engines.Fail(Only(harness.RunningTasksOf(web)).Id);
        harness.Settle();
        Assert.Single(harness.RunningTasksOf(web));
    }

    [Theory]
    [InlineData(Condition.None, Wire.TaskState.Failed, false)]
    [InlineData(Condition.None, Wire.TaskState.Complete, false)]
    [InlineData(Condition.OnFailure, Wire.TaskState.Failed, true)]
    [InlineData(Condition.OnFailure, Wire.TaskState.Rejected, true)]
    [InlineData(Condition.OnFailure, Wire.TaskState.Complete, false)]
    [InlineData(Condition.Any, Wire.TaskState.Complete, true)]
    [InlineData(Condition.Any, Wire.TaskState.Failed, true)]
    public void The_condition_decides_whether_an_ended_task_is_replaced(Condition condition, Wire.TaskState end, bool isReplaced)
    {
        var harness = NewHarness();
        var web = CreateService(harness, new Wire.RestartPolicy { Condition = condition });
        harness.Engines.End(Only(harness.RunningTasksOf(web)).Id, end);
        harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(isReplaced ? 1 : 0, harness.RunningTasksOf(web).Count);
        // An ended task that is not replaced keeps its slot, whatever else happens to the service.
        harness.Scale(web, 2);
        harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(isReplaced ? 2 : 1, harness.RunningTasksOf(web).Count);
    }

    [Fact]
    public void A_task_is_not_restarted_more_often_than_max_attempts()
    {
        var harness = NewHarness();
        harness.Engines.Outcome = _ => Wire.TaskState.Failed;
        var web = CreateService(harness, new Wire.RestartPolicy { Condition = Condition.Any, MaxAttempts = 3, Delay = Specs.Seconds(1) });
        harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(4, harness.TasksOf(web).Count);
        Assert.Empty(harness.ActiveTasksOf(web));
    }

    [Fact]
    public void Attempts_are_remembered_by_a_new_leader()
    {
        var harness = NewHarness();
        harness.Engines.Outcome = _ => Wire.TaskState.Failed;
        var web = CreateService(harness, new Wire.RestartPolicy { Condition = Condition.Any, MaxAttempts = 3, Delay = Specs.Seconds(1) });
        harness.Advance(TimeSpan.FromSeconds(1.5));
        Assert.Equal(3, harness.TasksOf(web).Count);
        harness.ChangeLeader();
        harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(4, harness.TasksOf(web).Count);
    }

    [Fact]
    public void Attempts_count_within_the_window_only()
    {
        var harness = NewHarness();
        var web = CreateService(harness, new Wire.RestartPolicy
        {
            Condition = Condition.Any,
            MaxAttempts = 2,
            Delay = Specs.Seconds(1),
            Window = Specs.Seconds(60),
        });
        for (var i = 0; i < 6; i++)
        {
            harness.Engines.Fail(Only(harness.RunningTasksOf(web)).Id);
            harness.Advance(TimeSpan.FromSeconds(50));
            Assert.Single(harness.RunningTasksOf(web));
        }
        for (var i = 0; i < 2; i++)
        {
            harness.Engines.Fail(harness.ActiveTasksOf(web)[0].Id);
            harness.Advance(TimeSpan.FromSeconds(2));
        }
        Assert.Empty(harness.ActiveTasksOf(web));
    }

    [Fact]
    public void Attempts_of_an_old_spec_do_not_count_against_a_new_one()
    {
        var harness = NewHarness();
        harness.Engines.Outcome = task => task.Image() == "app:1" ? Wire.TaskState.Failed : Wire.TaskState.Running;
        var web = CreateService(harness, new Wire.RestartPolicy { Condition = Condition.Any, MaxAttempts = 1, Delay = Specs.Seconds(1) });
        harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(harness.ActiveTasksOf(web));
        harness.SetImage(web, "app:2");
        harness.Advance(TimeSpan.FromMinutes(1));
        harness.Engines.Fail(Only(harness.RunningTasksOf(web)).Id);
        harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Single(harness.RunningTasksOf(web));
    }

    [Fact]
    public void A_replacement_that_fails_before_it_is_started_waits_for_its_delay()
    {
        var harness = NewHarness();
        var web = CreateService(harness, policy: null);
        harness.Engines.Fail(Only(harness.RunningTasksOf(web)).Id);
        harness.Settle();
        var created = harness.TasksOf(web).Count;
        harness.Engines.End(Only(harness.ActiveTasksOf(web)).Id, Wire.TaskState.Rejected);
        harness.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(created, harness.TasksOf(web).Count);
        harness.Advance(TimeSpan.FromSeconds(6));
        Assert.Single(harness.RunningTasksOf(web));
        Assert.Equal(created + 1, harness.TasksOf(web).Count);
    }

    [Fact]
    public void A_new_leader_starts_a_waiting_replacement_when_its_delay_is_over()
    {
        var harness = NewHarness();
        var web = CreateService(harness, policy: null);
        harness.Engines.Fail(Only(harness.RunningTasksOf(web)).Id);
        harness.Advance(TimeSpan.FromSeconds(3));
        harness.ChangeLeader();
        harness.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Empty(harness.RunningTasksOf(web));
        harness.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Single(harness.RunningTasksOf(web));
    }

    [Fact]
    public void Many_failures_of_one_turn_are_replaced_by_one_mutation()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 40));
        harness.Settle();
        harness.Batches.Clear();
        foreach (var task in harness.RunningTasksOf(web))
            harness.Engines.Fail(task.Id);
        harness.Turn();
        Assert.Equal(40, Assert.Single(harness.Batches[0].Mutations, m => m.CreateTasks is not null).CreateTasks.Tasks.Count);
    }
}
