using Skep.Agent;
using Xunit;

namespace Skep.UnitTests.Agent;

/// <summary>The pure rule of a task's states on an engine.</summary>
public sealed class TaskLifecycleTests
{
    [Theory]
    [InlineData(Wire.TaskState.Assigned, Wire.TaskState.Running, Wire.TaskState.Accepted)]
    [InlineData(Wire.TaskState.Accepted, Wire.TaskState.Running, Wire.TaskState.Preparing)]
    [InlineData(Wire.TaskState.Accepted, Wire.TaskState.Ready, Wire.TaskState.Preparing)]
    [InlineData(Wire.TaskState.Ready, Wire.TaskState.Running, Wire.TaskState.Starting)]
    public void A_task_moves_on_when_more_is_desired(Wire.TaskState state, Wire.TaskState desired, Wire.TaskState next) =>
        Assert.Equal(new TaskStep(next, null), TaskLifecycle.Next(state, desired));

    [Theory]
    [InlineData(Wire.TaskState.Preparing, Wire.TaskState.Ready, TaskOperation.Prepare)]
    [InlineData(Wire.TaskState.Starting, Wire.TaskState.Running, TaskOperation.Start)]
    [InlineData(Wire.TaskState.Running, Wire.TaskState.Running, TaskOperation.Wait)]
    [InlineData(Wire.TaskState.Running, Wire.TaskState.Complete, TaskOperation.Wait)]
    [InlineData(Wire.TaskState.Accepted, Wire.TaskState.Shutdown, TaskOperation.Shutdown)]
    [InlineData(Wire.TaskState.Running, Wire.TaskState.Shutdown, TaskOperation.Shutdown)]
    [InlineData(Wire.TaskState.Running, Wire.TaskState.Remove, TaskOperation.Shutdown)]
    public void Some_states_are_work_for_the_executor(Wire.TaskState state, Wire.TaskState desired, TaskOperation operation) =>
        Assert.Equal(new TaskStep(null, operation), TaskLifecycle.Next(state, desired));

    [Theory]
    [InlineData(Wire.TaskState.Ready, Wire.TaskState.Ready)]
    [InlineData(Wire.TaskState.Accepted, Wire.TaskState.Accepted)]
    [InlineData(Wire.TaskState.Running, Wire.TaskState.Ready)]
    [InlineData(Wire.TaskState.Complete, Wire.TaskState.Complete)]
    [InlineData(Wire.TaskState.Shutdown, Wire.TaskState.Shutdown)]
    [InlineData(Wire.TaskState.Failed, Wire.TaskState.Shutdown)]
    [InlineData(Wire.TaskState.Failed, Wire.TaskState.Running)]
    [InlineData(Wire.TaskState.Rejected, Wire.TaskState.Remove)]
    public void A_task_waits_at_what_is_desired_and_rests_at_its_end(Wire.TaskState state, Wire.TaskState desired) =>
        Assert.Equal(default, TaskLifecycle.Next(state, desired));

    [Fact]
    public void What_never_started_is_rejected_and_what_started_fails()
    {
        Assert.Equal(Wire.TaskState.Rejected, TaskLifecycle.AfterFailure(Wire.TaskState.Preparing));
        Assert.Equal(Wire.TaskState.Failed, TaskLifecycle.AfterFailure(Wire.TaskState.Starting));
        Assert.Equal(Wire.TaskState.Failed, TaskLifecycle.AfterFailure(Wire.TaskState.Running));
    }

    [Fact]
    public void No_step_leads_back()
    {
        foreach (var state in Enum.GetValues<Wire.TaskState>())
        {
            foreach (var desired in Enum.GetValues<Wire.TaskState>())
            {
                var step = TaskLifecycle.Next(state, desired);
                if ((step.State ?? (step.Operation is { } operation ? TaskLifecycle.After(operation) : null)) is { } next)
                    Assert.True(next > state, $"{state}, desired {desired}: {next}");
            }
        }
    }
}
