using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Dispatch;
using Skep.Manager;
using Skep.UnitTests.State;
using Xunit;
using Update = Skep.Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate;

namespace Skep.UnitTests.Dispatch;

public sealed class StatusIntakeTests : IAsyncDisposable
{
    private readonly InMemoryManager _manager = new(TimeProvider.System);
    private StatusIntake? _intake;

    [Fact]
    public async Task Reports_of_thousands_of_nodes_go_up_in_few_inputs()
    {
        await WithTasksAsync(5_000);
        var intake = Start(new DispatchOptions { StatusBatching = TimeSpan.FromMilliseconds(300), MaxStatusesPerInput = 2_000 });
        for (var i = 1; i <= 5_000; i++)
            await intake.TakeAsync($"n{i}", [Running($"web-{i}")], isUrgent: false, default);
        await UntilAsync(() => RunningTasks() == 5_000);
        Assert.InRange(_manager.Submitted.Count(input => input is TaskStatusReports), 3, 6);
        Assert.All(_manager.Submitted.OfType<TaskStatusReports>(), input => Assert.InRange(input.Reports.Sum(r => r.Statuses.Count), 1, 2_000));
        Assert.DoesNotContain(_manager.Submitted, input => input is TaskStatusReport);
    }

    [Fact]
    public async Task One_report_that_the_leader_stumbles_over_does_not_hold_back_the_others()
    {
        await WithTasksAsync(100);
        _manager.Refuse = input => input is TaskStatusReports reports && reports.Reports.Any(r => r.NodeId == "n7") ? new ControlException(ControlError.Internal, "stumbled") : null;
        var intake = Start(new DispatchOptions());
        for (var i = 1; i <= 100; i++)
            await intake.TakeAsync($"n{i}", [Running($"web-{i}")], isUrgent: false, default);
        await UntilAsync(() => RunningTasks() == 99);
        _manager.Refuse = _ => null;
        await UntilAsync(() => RunningTasks() == 100);
    }

    [Fact]
    public async Task What_one_input_of_several_did_not_bring_home_is_said_again()
    {
        await WithTasksAsync(10);
        var refused = 0;
        _manager.Refuse = input => input is TaskStatusReports && Interlocked.Increment(ref refused) % 2 == 1 ? new ControlException(ControlError.Unavailable, "no leader") : null;
        var intake = Start(new DispatchOptions { MaxStatusesPerInput = 1 });
        for (var i = 1; i <= 10; i++)
            await intake.TakeAsync($"n{i}", [Running($"web-{i}")], isUrgent: false, default);
        await UntilAsync(() => RunningTasks() == 10);
    }

    [Fact]
    public async Task A_small_services_status_does_not_wait_for_those_of_a_burst_that_are_on_their_way()
    {
        await WithTasksAsync(3);
        var burst = new TaskCompletionSource();
        _manager.Way = input => Speaks(input, "n1") ? burst.Task : Task.CompletedTask;
        var intake = Start(new DispatchOptions());
        await intake.TakeAsync("n1", [Running("web-1")], isUrgent: false, default);
        await UntilAsync(() => _manager.Submitted.Any(input => Speaks(input, "n1")));
        await intake.TakeAsync("n2", [Running("web-2")], isUrgent: false, default);
        await intake.TakeAsync("n3", [Running("web-3")], isUrgent: true, default);
        await UntilAsync(() => RunningTasks() == 1);
        Assert.Equal(Wire.TaskState.Running, _manager.Store.Read(state => state.Tasks.Find("web-3")!.State));

        burst.SetResult();
        await UntilAsync(() => RunningTasks() == 3);
    }

    [Fact]
    public async Task What_must_be_said_again_does_not_replace_what_came_meanwhile()
    {
        await WithTasksAsync(1);
        var intake = Start(new DispatchOptions());
        var refused = 0;
        _manager.Refuse = input =>
        {
            if (input is not TaskStatusReports || Interlocked.Increment(ref refused) > 1)
                return null;
            Assert.True(intake.TakeAsync("n1", [Running("web-1", "newer")], isUrgent: false, default).IsCompletedSuccessfully);
            return new ControlException(ControlError.Unavailable, "no leader");
        };
        await intake.TakeAsync("n1", [Running("web-1", "older")], isUrgent: false, default);
        await UntilAsync(() => RunningTasks() == 1);
        Assert.Equal("newer", _manager.Store.Read(state => state.Tasks.Find("web-1")!.Status.Message));
    }

    public async ValueTask DisposeAsync()
    {
        if (_intake is not null)
            await _intake.DisposeAsync();
        await _manager.DisposeAsync();
    }

    private StatusIntake Start(DispatchOptions options) => _intake = new StatusIntake(_manager, options, TimeProvider.System, NullLogger<StatusIntake>.Instance);

    private async Task WithTasksAsync(int count)
    {
        _manager.Commit([
            Batches.Service("web", "box:1"),
            Batches.Tasks("web", [.. Enumerable.Range(1, count)]),
            .. Enumerable.Range(1, count).Select(i => Batches.Assign($"web-{i}", $"n{i.ToString(CultureInfo.InvariantCulture)}"))]);
        await _manager.NewTermAsync();
    }

    private int RunningTasks() => _manager.Store.Read(state => state.Tasks.All.Count(task => task.State == Wire.TaskState.Running));

    private static bool Speaks(Input input, string nodeId) => input is TaskStatusReports reports && reports.Reports.Any(report => report.NodeId == nodeId);

    private static Update Running(string taskId, string message = "") => new() { TaskId = taskId, Status = new Wire.TaskStatus { State = Wire.TaskState.Running, Message = message } };

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 1000 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }
}
