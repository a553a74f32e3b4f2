namespace Skep.Agent;

/// <summary>What an executor does for a task. Each ends in the task's next state, or in failure.</summary>
public enum TaskOperation
{
    /// <summary>Images, networks, the container created.</summary>
    Prepare,

    /// <summary>The container started.</summary>
    Start,

    /// <summary>Until the container ends by itself.</summary>
    Wait,

    /// <summary>The container stopped.</summary>
    Shutdown,
}

/// <summary>What a task needs next: a state to move to, an operation to run, or neither (it waits for a change of what is desired).</summary>
public readonly record struct TaskStep(Wire.TaskState? State, TaskOperation? Operation);

/// <summary>
/// The states of a task on an engine, SwarmKit's rule: up to PREPARING and from STARTING on it goes by itself; at ACCEPTED and READY it waits until
/// more is desired, and it never goes back.
/// </summary>
public static class TaskLifecycle
{
    public static TaskStep Next(Wire.TaskState state, Wire.TaskState desired)
    {
        if (desired >= Wire.TaskState.Shutdown)
            return state >= Wire.TaskState.Complete ? default : Run(TaskOperation.Shutdown);
        if (state > desired)
            return default;
        switch (state)
        {
            case Wire.TaskState.Preparing: return Run(TaskOperation.Prepare);
            case Wire.TaskState.Starting: return Run(TaskOperation.Start);
            case Wire.TaskState.Running: return Run(TaskOperation.Wait);
        }
        if (state >= desired)
            return default;
        return state switch
        {
            < Wire.TaskState.Accepted => Move(Wire.TaskState.Accepted),
            Wire.TaskState.Accepted => Move(Wire.TaskState.Preparing),
            Wire.TaskState.Ready => Move(Wire.TaskState.Starting),
            _ => default,
        };
    }

    /// <summary>The state that an operation which went well leads to.</summary>
    public static Wire.TaskState After(TaskOperation operation) => operation switch
    {
        TaskOperation.Prepare => Wire.TaskState.Ready,
        TaskOperation.Start => Wire.TaskState.Running,
        TaskOperation.Wait => Wire.TaskState.Complete,
        _ => Wire.TaskState.Shutdown,
    };

    /// <summary>The state that a failure in this state leads to: what never started is rejected.</summary>
    public static Wire.TaskState AfterFailure(Wire.TaskState state) => state < Wire.TaskState.Starting ? Wire.TaskState.Rejected : Wire.TaskState.Failed;

    /// <summary>Stock engines' word for having reached a state.</summary>
    public static string Message(Wire.TaskState state) => state switch
    {
        Wire.TaskState.Accepted => "accepted",
        Wire.TaskState.Preparing => "preparing",
        Wire.TaskState.Ready => "prepared",
        Wire.TaskState.Starting => "starting",
        Wire.TaskState.Running => "started",
        Wire.TaskState.Complete => "finished",
        Wire.TaskState.Shutdown => "shutdown",
        _ => "",
    };

    private static TaskStep Move(Wire.TaskState state) => new(state, null);

    private static TaskStep Run(TaskOperation operation) => new(null, operation);
}
