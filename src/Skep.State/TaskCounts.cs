namespace Skep.State;

/// <summary>How many tasks of a service are in the states that a list of services shows. Kept up to date: nobody walks a million tasks for it.</summary>
/// <param name="Running">That run.</param>
/// <param name="Complete">That have run to their end.</param>
/// <param name="WantedRunning">That are to run, whether they do or not.</param>
/// <param name="WantedComplete">That are to run to their end and have not yet done so.</param>
public readonly record struct TaskCounts(int Running, int Complete, int WantedRunning, int WantedComplete)
{
    internal static TaskCounts Of(TaskRecord task) => new(
        task.State == Wire.TaskState.Running ? 1 : 0,
        task.State == Wire.TaskState.Complete ? 1 : 0,
        task.DesiredState == Wire.TaskState.Running ? 1 : 0,
        task.DesiredState == Wire.TaskState.Complete && task.State != Wire.TaskState.Complete ? 1 : 0);

    internal TaskCounts Add(TaskCounts more) =>
        new(Running + more.Running, Complete + more.Complete, WantedRunning + more.WantedRunning, WantedComplete + more.WantedComplete);

    internal TaskCounts Subtract(TaskCounts less) =>
        new(Running - less.Running, Complete - less.Complete, WantedRunning - less.WantedRunning, WantedComplete - less.WantedComplete);
}
