using Skep.Manager;
using Skep.Manager.Orchestration;
using Skep.State;
using Xunit;
using FailureAction = Skep.Wire.UpdateConfig.Types.FailureAction;
using UpdateOrder = Skep.Wire.UpdateConfig.Types.UpdateOrder;
using UpdateState = Skep.Wire.UpdateStatus.Types.UpdateState;

namespace Skep.UnitTests.Manager.Updating;

public sealed class RollingUpdateTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    private static LoopHarness NewHarness(int budget = SwarmLoop.DefaultBudget)
    {
        var harness = new LoopHarness(() => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()], budget);
        harness.AddNodes(3);
        return harness;
    }

    private static string CreateService(LoopHarness harness, ulong replicas, Wire.UpdateConfig? update, Wire.UpdateConfig? rollback = null)
    {
        var id = harness.CreateService(Specs.Replicated("web", replicas, spec =>
        {
            spec.Update = update;
            spec.Rollback = rollback;
            spec.Task.Restart = new Wire.RestartPolicy { Condition = Wire.RestartPolicy.Types.RestartCondition.Any, Delay = Specs.Seconds(5) };
        }));
        harness.Settle();
        return id;
    }

    private static int Count(LoopHarness harness, string service, string image) => harness.ActiveTasksOf(service).Count(t => t.Image() == image);

    private static Wire.UpdateStatus Status(LoopHarness harness, string service) => harness.State.Services[service].UpdateStatus;

    private static void BreakImage(LoopHarness harness, string image) =>
        harness.Engines.Outcome = task => task.Image() == image ? Wire.TaskState.Failed : Wire.TaskState.Running;

    [Fact]
    public void Slots_are_updated_one_after_the_other_with_the_delay_between_them()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 3, new Wire.UpdateConfig { Parallelism = 1, Delay = Specs.Seconds(10) });
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Equal((1, 2), (Count(harness, web, "app:2"), Count(harness, web, "app:1")));
        harness.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Equal(1, Count(harness, web, "app:2"));
        harness.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(2, Count(harness, web, "app:2"));
        harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(3, harness.RunningTasksOf(web).Count(t => t.Image() == "app:2"));
        Assert.Equal([1UL, 2UL, 3UL], harness.RunningTasksOf(web).Select(t => t.Slot));
    }

    [Fact]
    public void Parallelism_is_the_number_of_slots_under_way_at_once()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 7, new Wire.UpdateConfig { Parallelism = 3, Delay = Specs.Seconds(10) });
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Equal(3, Count(harness, web, "app:2"));
        harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(6, Count(harness, web, "app:2"));
        harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(7, Count(harness, web, "app:2"));
    }

    [Fact]
    public void Parallelism_zero_updates_all_at_once_within_the_budget()
    {
        var harness = NewHarness(budget: 10);
        var web = CreateService(harness, 40, new Wire.UpdateConfig { Parallelism = 0 });
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Equal(40, harness.RunningTasksOf(web).Count(t => t.Image() == "app:2"));
        Assert.Equal(40, harness.ActiveTasksOf(web).Count);
    }

    [Fact]
    public void Stop_first_starts_the_new_task_when_the_old_one_has_stopped()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 1, new Wire.UpdateConfig { Parallelism = 1 });
        harness.Engines.HoldStops = true;
        harness.SetImage(web, "app:2");
        harness.Settle();
        var replacement = Assert.Single(harness.ActiveTasksOf(web));
        Assert.Equal((Wire.TaskState.Ready, Wire.TaskState.Ready), (replacement.DesiredState, replacement.State));
        harness.Engines.HoldStops = false;
        harness.Engines.Wake();
        harness.Settle();
        Assert.Equal(replacement.Id, Assert.Single(harness.RunningTasksOf(web)).Id);
    }

    [Fact]
    public void Start_first_stops_the_old_task_when_the_new_one_runs()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 1, new Wire.UpdateConfig { Parallelism = 1, Order = UpdateOrder.StartFirst });
        harness.Engines.Outcome = _ => null;
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Equal(["app:1", "app:2"], harness.ActiveTasksOf(web).Select(t => t.Image()));
        harness.Engines.Outcome = _ => Wire.TaskState.Running;
        harness.Engines.Wake();
        harness.Settle();
        Assert.Equal("app:2", Assert.Single(harness.ActiveTasksOf(web)).Image());
    }

    [Fact]
    public void Start_first_updates_that_follow_each_other_keep_no_more_than_one_old_task()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 1, new Wire.UpdateConfig { Parallelism = 1, Order = UpdateOrder.StartFirst });
        harness.Engines.Outcome = _ => null;
        foreach (var image in new[] { "app:2", "app:3", "app:4" })
        {
            harness.SetImage(web, image);
            harness.Settle();
        }
        Assert.Equal(["app:1", "app:4"], harness.ActiveTasksOf(web).Select(t => t.Image()));
    }

    [Fact]
    public void Start_first_stops_the_old_task_also_when_the_new_one_ran_only_after_a_restart()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 1, new Wire.UpdateConfig { Parallelism = 1, Order = UpdateOrder.StartFirst, FailureAction = FailureAction.Continue });
        harness.Engines.Outcome = _ => Wire.TaskState.Rejected;
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Contains("app:1", harness.RunningTasksOf(web).Select(t => t.Image()));
        harness.Engines.Outcome = _ => Wire.TaskState.Running;
        harness.Advance(Long);
        Assert.Equal("app:2", Assert.Single(harness.ActiveTasksOf(web)).Image());
        Assert.Equal(UpdateState.Completed, Status(harness, web).State);
    }

    [Fact]
    public void A_new_task_that_runs_after_it_was_told_to_stop_stops_nobody()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 1, new Wire.UpdateConfig { Parallelism = 1, Order = UpdateOrder.StartFirst, FailureAction = FailureAction.Continue });
        harness.Engines.Outcome = _ => null;
        harness.SetImage(web, "app:2");
        harness.Settle();
        var first = harness.ActiveTasksOf(web).Single(t => t.Image() == "app:2");
        harness.LoseNode(first.NodeId);
        harness.Settle();
        // Its node is back, with a status that was under way all the time.
        harness.Send(new TaskStatusReport(first.NodeId, [new(first.Id, new Wire.TaskStatus { State = Wire.TaskState.Running })]));
        harness.Turn();
        harness.Engines.Outcome = _ => Wire.TaskState.Running;
        harness.Engines.Wake();
        harness.Advance(Long);
        Assert.Equal("app:2", Assert.Single(harness.RunningTasksOf(web)).Image());
    }

    [Fact]
    public void The_update_status_tells_how_it_goes()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 2, new Wire.UpdateConfig { Parallelism = 1, Monitor = Specs.Seconds(20) });
        Assert.Null(Status(harness, web));
        harness.SetImage(web, "app:2");
        var started = harness.Now;
        harness.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal((UpdateState.Updating, "update in progress"), (Status(harness, web).State, Status(harness, web).Message));
        Assert.Null(Status(harness, web).CompletedAt);
        harness.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((UpdateState.Completed, "update completed"), (Status(harness, web).State, Status(harness, web).Message));
        Assert.Equal(started, Status(harness, web).StartedAt.ToDateTimeOffset());
        Assert.Equal(started + TimeSpan.FromSeconds(20), Status(harness, web).CompletedAt.ToDateTimeOffset());
    }

    [Fact]
    public void A_failure_pauses_the_update()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 3, new Wire.UpdateConfig { Parallelism = 1 });
        BreakImage(harness, "app:2");
        harness.SetImage(web, "app:2");
        harness.Settle();
        var failed = harness.TasksOf(web).First(t => t.State == Wire.TaskState.Failed);
        Assert.Equal(UpdateState.Paused, Status(harness, web).State);
        Assert.Equal($"update paused due to failure or early termination of task {failed.Id}", Status(harness, web).Message);
        harness.Advance(Long);
        Assert.Equal((1, 2), (Count(harness, web, "app:2"), Count(harness, web, "app:1")));
        Assert.Equal(UpdateState.Paused, Status(harness, web).State);
    }

    [Fact]
    public void A_task_that_dies_while_it_is_monitored_pauses_the_update()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 1, new Wire.UpdateConfig { Parallelism = 1, Monitor = Specs.Seconds(30) });
        harness.SetImage(web, "app:2");
        harness.Advance(TimeSpan.FromSeconds(29));
        harness.Engines.Fail(harness.RunningTasksOf(web)[0].Id);
        harness.Settle();
        Assert.Equal(UpdateState.Paused, Status(harness, web).State);
    }

    [Fact]
    public void A_paused_update_goes_on_when_the_service_is_updated_again()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 3, new Wire.UpdateConfig { Parallelism = 1 });
        BreakImage(harness, "app:2");
        harness.SetImage(web, "app:2");
        harness.Advance(Long);
        harness.Engines.Outcome = _ => Wire.TaskState.Running;
        harness.UpdateService(web, _ => { });
        harness.Advance(Long);
        Assert.Equal(3, harness.RunningTasksOf(web).Count(t => t.Image() == "app:2"));
        Assert.Equal(UpdateState.Completed, Status(harness, web).State);
    }

    [Fact]
    public void A_paused_update_stays_paused_after_a_change_of_leader()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 3, new Wire.UpdateConfig { Parallelism = 1 });
        BreakImage(harness, "app:2");
        harness.SetImage(web, "app:2");
        harness.Advance(Long);
        harness.ChangeLeader();
        harness.Advance(Long);
        Assert.Equal(2, Count(harness, web, "app:1"));
        Assert.Equal(UpdateState.Paused, Status(harness, web).State);
    }

    [Fact]
    public void Failures_do_not_matter_when_the_action_is_to_continue()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 3, new Wire.UpdateConfig { Parallelism = 1, FailureAction = FailureAction.Continue });
        BreakImage(harness, "app:2");
        harness.SetImage(web, "app:2");
        harness.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(3, Count(harness, web, "app:2"));
        Assert.Equal(UpdateState.Completed, Status(harness, web).State);
    }

    [Fact]
    public void Failures_up_to_the_ratio_are_tolerated()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 4, new Wire.UpdateConfig { Parallelism = 1, MaxFailureRatio = 0.25f });
        harness.Engines.Outcome = task => task.Image() == "app:2" && task.Slot == 2 ? Wire.TaskState.Failed : Wire.TaskState.Running;
        harness.SetImage(web, "app:2");
        harness.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(UpdateState.Completed, Status(harness, web).State);
        harness.Engines.Outcome = task => task.Image() == "app:3" && task.Slot <= 2 ? Wire.TaskState.Failed : Wire.TaskState.Running;
        harness.SetImage(web, "app:3");
        harness.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(UpdateState.Paused, Status(harness, web).State);
    }

    [Fact]
    public void A_failure_rolls_back_to_the_previous_spec_by_the_rollback_policy()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 4,
            new Wire.UpdateConfig { Parallelism = 2, FailureAction = FailureAction.Rollback },
            new Wire.UpdateConfig { Parallelism = 1, Delay = Specs.Seconds(60), Monitor = Specs.Seconds(10) });
        BreakImage(harness, "app:2");
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Equal(UpdateState.RollbackStarted, Status(harness, web).State);
        Assert.StartsWith("update rolled back due to failure or early termination of task ", Status(harness, web).Message, StringComparison.Ordinal);
        Assert.Equal("app:1", harness.State.Services[web].Spec.Task.Container.Image);
        Assert.Null(harness.State.Services[web].PreviousSpec);
        Assert.Equal(1, Count(harness, web, "app:2"));
        harness.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(4, Count(harness, web, "app:1"));
        harness.Advance(TimeSpan.FromSeconds(121));
        Assert.Equal((UpdateState.RollbackCompleted, "rollback completed"), (Status(harness, web).State, Status(harness, web).Message));
        Assert.Equal(4, harness.RunningTasksOf(web).Count(t => t.Image() == "app:1"));
    }

    [Fact]
    public void A_rollback_is_not_rolled_back()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 3,
            new Wire.UpdateConfig { Parallelism = 1, FailureAction = FailureAction.Rollback },
            new Wire.UpdateConfig { Parallelism = 1, FailureAction = FailureAction.Rollback });
        var before = harness.RunningTasksOf(web).Select(t => t.Id).ToHashSet();
        harness.Engines.Outcome = task => before.Contains(task.Id) ? Wire.TaskState.Running : Wire.TaskState.Failed;
        harness.SetImage(web, "app:2");
        harness.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(UpdateState.RollbackPaused, Status(harness, web).State);
        Assert.StartsWith("rollback paused due to failure or early termination of task ", Status(harness, web).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rollback_that_is_asked_for_goes_back_and_can_be_taken_back()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 2, new Wire.UpdateConfig { Parallelism = 0 });
        harness.SetImage(web, "app:2");
        harness.Advance(Long);
        RollBack();
        Assert.Equal((UpdateState.RollbackStarted, "manually requested rollback"), (Status(harness, web).State, Status(harness, web).Message));
        harness.Advance(Long);
        Assert.Equal(2, harness.RunningTasksOf(web).Count(t => t.Image() == "app:1"));
        Assert.Equal(UpdateState.RollbackCompleted, Status(harness, web).State);
        RollBack();
        harness.Advance(Long);
        Assert.Equal(2, harness.RunningTasksOf(web).Count(t => t.Image() == "app:2"));

        void RollBack()
        {
            var service = harness.State.Services[web];
            harness.Call<Wire.UpdateServiceResponse>(new Wire.UpdateServiceRequest
            {
                ServiceId = web,
                ServiceVersion = service.Meta.Version,
                Spec = service.Spec,
                Rollback = Wire.UpdateServiceRequest.Types.Rollback.Previous,
            });
        }
    }

    [Fact]
    public void A_new_update_takes_the_place_of_one_that_is_under_way()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 4, new Wire.UpdateConfig { Parallelism = 1, Delay = Specs.Seconds(10) });
        harness.SetImage(web, "app:2");
        harness.Advance(TimeSpan.FromSeconds(12));
        Assert.Equal(2, Count(harness, web, "app:2"));
        harness.SetImage(web, "app:3");
        harness.Advance(Long);
        Assert.Equal(4, harness.RunningTasksOf(web).Count(t => t.Image() == "app:3"));
        Assert.Equal(4, harness.ActiveTasksOf(web).Count);
        Assert.Equal(UpdateState.Completed, Status(harness, web).State);
    }

    [Theory]
    [InlineData(UpdateOrder.StopFirst)]
    [InlineData(UpdateOrder.StartFirst)]
    public void A_new_leader_goes_on_with_an_update(UpdateOrder order)
    {
        var harness = NewHarness();
        var web = CreateService(harness, 4, new Wire.UpdateConfig { Parallelism = 1, Delay = Specs.Seconds(10), Order = order });
        harness.SetImage(web, "app:2");
        harness.Settle();
        harness.Engines.Outcome = _ => null;
        harness.Engines.HoldStops = true;
        harness.Advance(TimeSpan.FromSeconds(15));
        harness.ChangeLeader();
        harness.Settle();
        // The new task of the slot under way does not run yet: a start-first update must still keep the old one.
        Assert.Equal(order == UpdateOrder.StartFirst ? 3 : 2, Count(harness, web, "app:1"));
        harness.Engines.Outcome = _ => Wire.TaskState.Running;
        harness.Engines.HoldStops = false;
        harness.Engines.Wake();
        harness.Advance(Long);
        Assert.Equal(4, harness.RunningTasksOf(web).Count(t => t.Image() == "app:2"));
        Assert.Equal(4, harness.ActiveTasksOf(web).Count);
        Assert.Equal(UpdateState.Completed, Status(harness, web).State);
    }

    [Fact]
    public void A_new_leader_completes_an_update_that_had_nothing_left_to_do()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 2, new Wire.UpdateConfig { Parallelism = 0, Monitor = Specs.Seconds(60) });
        harness.SetImage(web, "app:2");
        harness.Settle();
        Assert.Equal(UpdateState.Updating, Status(harness, web).State);
        harness.ChangeLeader();
        harness.Settle();
        Assert.Equal(UpdateState.Completed, Status(harness, web).State);
    }

    [Fact]
    public void A_scale_during_an_update_reaches_both_goals()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 4, new Wire.UpdateConfig { Parallelism = 1, Delay = Specs.Seconds(10) });
        harness.SetImage(web, "app:2");
        harness.Settle();
        harness.Scale(web, 6);
        harness.Advance(Long);
        Assert.Equal(6, harness.RunningTasksOf(web).Count(t => t.Image() == "app:2"));
        Assert.Equal(6, harness.ActiveTasksOf(web).Count);
    }

    [Fact]
    public void Tasks_that_ended_for_good_are_updated_too()
    {
        var harness = NewHarness();
        var web = harness.CreateService(Specs.Replicated("web", 1, spec =>
            spec.Task.Restart = new Wire.RestartPolicy { Condition = Wire.RestartPolicy.Types.RestartCondition.None }));
        harness.Settle();
        harness.Engines.End(harness.RunningTasksOf(web)[0].Id, Wire.TaskState.Complete);
        harness.Advance(Long);
        Assert.Empty(harness.ActiveTasksOf(web));
        harness.SetImage(web, "app:2");
        harness.Advance(Long);
        Assert.Equal("app:2", Assert.Single(harness.RunningTasksOf(web)).Image());
    }

    [Fact]
    public void A_forced_update_replaces_tasks_whose_spec_is_the_same()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 2, update: null);
        var before = harness.RunningTasksOf(web).Select(t => t.Id).ToList();
        harness.UpdateService(web, spec => spec.Task.ForceUpdate++);
        harness.Advance(Long);
        Assert.Equal(2, harness.RunningTasksOf(web).Count);
        Assert.Empty(harness.RunningTasksOf(web).Select(t => t.Id).Intersect(before));
    }

    public static TheoryData<string, bool> Changes => new()
    {
        { "nothing", false },
        { "labels of the service", false },
        { "update policy", false },
        { "credentials for pulling", false },
        { "constraints that hold", false },
        { "constraints that do not hold", true },
        { "ports", true },
        { "labels of the containers", true },
        { "environment", true },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Only_changes_that_concern_a_task_replace_it(string what, bool replaces)
    {
        var harness = NewHarness();
        var web = CreateService(harness, 1, new Wire.UpdateConfig { Parallelism = 1 });
        var before = harness.RunningTasksOf(web)[0].Id;
        harness.UpdateService(web, spec =>
        {
            switch (what)
            {
                case "labels of the service": spec.Annotations.Labels["a"] = "b"; break;
                case "update policy": spec.Update.Parallelism = 9; break;
                case "credentials for pulling": spec.Task.Container.PullOptions = new Wire.ContainerSpec.Types.PullOptions { RegistryAuth = "new" }; break;
                case "constraints that hold": spec.Task.Placement = new Wire.Placement { Constraints = { "node.role == worker" } }; break;
                case "constraints that do not hold": spec.Task.Placement = new Wire.Placement { Constraints = { "node.role == manager" } }; break;
                case "ports": spec.Endpoint = new Wire.EndpointSpec { Ports = { new Wire.PortConfig { TargetPort = 80, PublishMode = Wire.PortConfig.Types.PublishMode.Host } } }; break;
                case "labels of the containers": spec.Task.Container.Labels["a"] = "b"; break;
                case "environment": spec.Task.Container.Env.Add("A=B"); break;
            }
        });
        harness.Advance(Long);
        Assert.Equal(replaces, Assert.Single(harness.ActiveTasksOf(web)).Id != before);
        Assert.Equal(replaces, Status(harness, web) is not null);
    }

    [Fact]
    public void Two_services_update_at_the_same_time()
    {
        var harness = NewHarness();
        var a = harness.CreateService(Specs.Replicated("a", 2));
        var b = harness.CreateService(Specs.Replicated("b", 2));
        harness.Settle();
        harness.SetImage(a, "app:2");
        harness.SetImage(b, "app:3");
        harness.Advance(Long);
        Assert.Equal(2, harness.RunningTasksOf(a).Count(t => t.Image() == "app:2"));
        Assert.Equal(2, harness.RunningTasksOf(b).Count(t => t.Image() == "app:3"));
    }

    [Fact]
    public void Removing_the_service_ends_its_update()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 4, new Wire.UpdateConfig { Parallelism = 1, Delay = Specs.Seconds(10) });
        harness.SetImage(web, "app:2");
        harness.Settle();
        harness.RemoveService(web);
        harness.Advance(Long);
        Assert.Empty(harness.TasksOf(web));
    }

    [Fact]
    public void A_deleted_new_task_does_not_hold_up_the_update()
    {
        var harness = NewHarness();
        var web = CreateService(harness, 2, new Wire.UpdateConfig { Parallelism = 1 });
        harness.Engines.Outcome = _ => null;
        harness.SetImage(web, "app:2");
        harness.Settle();
        harness.Emit(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { harness.ActiveTasksOf(web).Single(t => t.Image() == "app:2").Id } } });
        harness.Engines.Outcome = _ => Wire.TaskState.Running;
        harness.Advance(Long);
        Assert.Equal(2, harness.RunningTasksOf(web).Count(t => t.Image() == "app:2"));
    }
}
