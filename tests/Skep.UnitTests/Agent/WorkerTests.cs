using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Skep.Agent;
using Skep.Agent.Simulated;
using Xunit;

namespace Skep.UnitTests.Agent;

/// <summary>A worker with simulated containers, under a clock that only the test moves.</summary>
public sealed class WorkerTests : IDisposable
{
    private static readonly TimeSpan Latency = TimeSpan.FromSeconds(1);
    private readonly FakeTimeProvider _time = new();
    private readonly ReportQueue _reports = new(new Random(1));
    private readonly Sightings _seen = new();
    private readonly SimulatedExecutor _executor;
    private readonly Worker _worker;

    public WorkerTests()
    {
        _executor = new SimulatedExecutor(new SimulationOptions { MinStartLatency = Latency, MaxStartLatency = Latency }, new Random(1), _time);
        _worker = new Worker(_executor, _reports, _seen, _time);
    }

    public void Dispose() => _executor.Dispose();

    [Fact]
    public void A_task_goes_through_every_state_in_the_time_that_a_container_takes()
    {
        Update(("t", Wire.TaskState.Running));
        Assert.Equal([Wire.TaskState.Assigned, Wire.TaskState.Accepted, Wire.TaskState.Preparing], _seen.States);
        _time.Advance(Latency / 2);
        Assert.Equal([Wire.TaskState.Ready, Wire.TaskState.Starting], _seen.States[3..]);
        _time.Advance(Latency / 2);
        Assert.Equal(Wire.TaskState.Running, _seen.States[^1]);
        Assert.Equal([("t", Wire.TaskState.Running)], Reports());
    }

    [Fact]
    public void Without_latency_a_task_runs_at_once()
    {
        using var executor = new SimulatedExecutor(new SimulationOptions { MinStartLatency = TimeSpan.Zero, MaxStartLatency = TimeSpan.Zero }, new Random(1), _time);
        new Worker(executor, _reports, _seen, _time).Apply(Read(Message(Wire.AssignmentsMessage.Types.Type.Complete, ("t", Wire.TaskState.Running))));
        Assert.Equal([("t", Wire.TaskState.Running)], Reports());
    }

    [Fact]
    public void A_task_waits_at_ready_until_it_is_to_run()
    {
        Update(("t", Wire.TaskState.Ready));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(Wire.TaskState.Ready, _seen.States[^1]);
        Update(("t", Wire.TaskState.Running));
        Pass(Latency);
        Assert.Equal(Wire.TaskState.Running, _seen.States[^1]);
    }

    [Fact]
    public void What_is_desired_never_goes_back()
    {
        Update(("t", Wire.TaskState.Shutdown));
        Update(("t", Wire.TaskState.Running));
        Pass(Latency);
        Assert.Equal(Wire.TaskState.Shutdown, _seen.States[^1]);
        Assert.Equal(0, _executor.Started);
    }

    [Fact]
    public void A_shutdown_ends_a_running_task_and_one_that_still_starts()
    {
        Update(("old", Wire.TaskState.Running));
        Pass(Latency);
        Update(("new", Wire.TaskState.Running));
        Update(("old", Wire.TaskState.Shutdown), ("new", Wire.TaskState.Shutdown));
        Pass(Latency);
        Assert.Equal([("new", Wire.TaskState.Shutdown), ("old", Wire.TaskState.Shutdown)], Reports().Order());
    }

    [Fact]
    public void A_full_set_after_a_reconnect_restarts_nothing_and_reports_everything_again()
    {
        Complete(("a", Wire.TaskState.Running), ("b", Wire.TaskState.Running));
        Pass(Latency);
        Reports();
        Complete(("a", Wire.TaskState.Running), ("b", Wire.TaskState.Running));
        Pass(Latency);
        Assert.Empty(Reports());
        _worker.ReportAll();
        Assert.Equal([("a", Wire.TaskState.Running), ("b", Wire.TaskState.Running)], Reports().Order());
        Assert.Equal((2, 0), (_executor.Started, _executor.Restarted));
    }

    [Fact]
    public void A_full_set_removes_what_is_missing_and_that_it_should_have_run_is_noted()
    {
        Complete(("a", Wire.TaskState.Running), ("b", Wire.TaskState.Running));
        Pass(Latency);
        Complete(("a", Wire.TaskState.Running));
        Assert.Equal([(Wire.TaskState.Running, true)], _seen.Removed);
        Update(("b", Wire.TaskState.Running));
        Pass(Latency);
        Assert.Equal(1, _executor.Restarted);
    }

    [Fact]
    public void Only_what_is_named_is_removed_by_a_change()
    {
        Complete(("a", Wire.TaskState.Running), ("b", Wire.TaskState.Running));
        Pass(Latency);
        Update(("a", Wire.TaskState.Remove));
        Apply(Removal("a"));
        Assert.Equal([(Wire.TaskState.Shutdown, false)], _seen.Removed);
        Reports();
        _worker.ReportAll();
        Assert.Equal([("b", Wire.TaskState.Running)], Reports());
    }

    [Fact]
    public void The_outcome_of_a_task_that_was_removed_changes_nothing()
    {
        Update(("t", Wire.TaskState.Running));
        Apply(Removal("t"));
        Reports();
        Pass(Latency);
        Assert.Empty(Reports());
        Assert.Equal(0, _executor.Started);
    }

    [Fact]
    public void A_task_that_is_said_to_run_but_whose_container_is_not_there_fails()
    {
        var message = Message(Wire.AssignmentsMessage.Types.Type.Complete, ("t", Wire.TaskState.Running));
        message.Changes[0].Assignment.Task.Status.State = Wire.TaskState.Running;
        Apply(message);
        Assert.Equal([("t", Wire.TaskState.Failed)], Reports());
        Assert.Equal(0, _executor.Started);
    }

    [Fact]
    public void A_container_that_fails_to_start_says_why()
    {
        using var executor = new SimulatedExecutor(new SimulationOptions { FailRate = 1 }, new Random(1), _time);
        new Worker(executor, _reports, _seen, _time).Apply(Read(Message(Wire.AssignmentsMessage.Types.Type.Complete, ("t", Wire.TaskState.Running))));
        Pass(Latency);
        var report = Assert.Single(TakeReports());
        Assert.Equal((Wire.TaskState.Failed, "task: non-zero exit (1)"), (report.State, report.Error));
    }

    [Fact]
    public void A_gap_between_assignments_is_noticed()
    {
        var chain = new AssignmentChain();
        Assert.True(chain.Take(new TaskAssignments { ResultsIn = "1" }));
        Assert.True(chain.Take(new TaskAssignments { AppliesTo = "1", ResultsIn = "2" }));
        Assert.False(chain.Take(new TaskAssignments { AppliesTo = "3", ResultsIn = "4" }));
    }

    [Fact]
    public void A_node_that_lost_its_tasks_has_nothing_to_report_and_finds_no_containers()
    {
        Complete(("a", Wire.TaskState.Running), ("b", Wire.TaskState.Ready));
        Pass(Latency);
        _worker.Lose();
        Assert.Equal([Wire.TaskState.Running, Wire.TaskState.Ready], _seen.Lost);
        _worker.ReportAll();
        Assert.Empty(Reports());
        var message = Message(Wire.AssignmentsMessage.Types.Type.Complete, ("a", Wire.TaskState.Running));
        message.Changes[0].Assignment.Task.Status.State = Wire.TaskState.Running;
        Apply(message);
        Assert.Equal([("a", Wire.TaskState.Failed)], Reports());
    }

    [Fact]
    public void On_a_slow_node_a_container_takes_so_many_times_longer()
    {
        var worker = new Worker(new SimulatedEngine(_executor, slowness: 5, isStuck: false), _reports, _seen, _time);
        worker.Apply(Read(Message(Wire.AssignmentsMessage.Types.Type.Complete, ("t", Wire.TaskState.Running))));
        _time.Advance(Latency * 2.5);
        _time.Advance(Latency * 2.4);
        Assert.Equal(Wire.TaskState.Starting, _seen.States[^1]);
        _time.Advance(Latency * 0.1);
        Assert.Equal(Wire.TaskState.Running, _seen.States[^1]);
    }

    [Fact]
    public void On_a_stuck_node_a_task_stays_in_preparing_whatever_is_desired()
    {
        var worker = new Worker(new SimulatedEngine(_executor, slowness: 1, isStuck: true), _reports, _seen, _time);
        worker.Apply(Read(Message(Wire.AssignmentsMessage.Types.Type.Complete, ("t", Wire.TaskState.Running))));
        Pass(TimeSpan.FromHours(1));
        worker.Apply(Read(Message(Wire.AssignmentsMessage.Types.Type.Incremental, ("t", Wire.TaskState.Shutdown))));
        Pass(TimeSpan.FromHours(1));
        Assert.Equal([("t", Wire.TaskState.Preparing)], Reports());
        worker.Apply(Read(Removal("t")));
        Assert.Equal([(Wire.TaskState.Preparing, false)], _seen.Removed);
    }

    // In two steps, since what falls due in the first half may begin something that ends in the second.
    private void Pass(TimeSpan time)
    {
        _time.Advance(time / 2);
        _time.Advance(time / 2);
    }

    private void Update(params (string Id, Wire.TaskState Desired)[] tasks) => Apply(Message(Wire.AssignmentsMessage.Types.Type.Incremental, tasks));

    private void Complete(params (string Id, Wire.TaskState Desired)[] tasks) => Apply(Message(Wire.AssignmentsMessage.Types.Type.Complete, tasks));

    private static Wire.AssignmentsMessage Message(Wire.AssignmentsMessage.Types.Type type, params (string Id, Wire.TaskState Desired)[] tasks)
    {
        var message = new Wire.AssignmentsMessage { Type = type };
        foreach (var (id, desired) in tasks)
            message.Changes.Add(new Wire.AssignmentChange { Assignment = new Wire.Assignment { Task = new Wire.Task { Id = id, DesiredState = desired, Status = new Wire.TaskStatus { State = Wire.TaskState.Assigned } } } });
        return message;
    }

    private static Wire.AssignmentsMessage Removal(string id)
    {
        var message = Message(Wire.AssignmentsMessage.Types.Type.Incremental, (id, Wire.TaskState.Remove));
        message.Changes[0].Action = Wire.AssignmentChange.Types.AssignmentAction.Remove;
        return message;
    }

    private List<(string Id, Wire.TaskState State)> Reports() => [.. TakeReports().Select(r => (r.Task.Id, r.State))];

    private List<TaskReport> TakeReports()
    {
        var taken = new List<TaskReport>();
        _reports.Take(taken, int.MaxValue);
        return taken;
    }

    private void Apply(Wire.AssignmentsMessage message) => _worker.Apply(Read(message));

    /// <summary>As it comes over the wire, by the numbers of its fields.</summary>
    private static TaskAssignments Read(Wire.AssignmentsMessage message) => TaskAssignments.Parser.ParseFrom(message.ToByteString());

    /// <summary>Keeps what a worker says of its tasks.</summary>
    private sealed class Sightings : IAgentObserver
    {
        public List<Wire.TaskState> States { get; } = [];

        public List<(Wire.TaskState State, bool WasWanted)> Removed { get; } = [];

        public void TaskMoved(Wire.TaskState? from, Wire.TaskState to) => States.Add(to);

        public List<Wire.TaskState> Lost { get; } = [];

        public void TaskLost(Wire.TaskState state) => Lost.Add(state);

        public void TaskRemoved(Wire.TaskState state, bool wasWanted) => Removed.Add((state, wasWanted));

        public void SessionOpened(string manager) { }

        public void SessionEnded(string manager, bool wasOpen, string reason) { }

        public void HeartbeatEnded(TimeSpan roundTrip, bool late) { }

        public void StatusesSent(int count) { }
    }
}
