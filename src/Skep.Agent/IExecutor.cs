namespace Skep.Agent;

/// <summary>Runs what tasks are: containers on an engine, or nothing at all in a simulation. One may serve many agents; calls come from any thread.</summary>
public interface IExecutor
{
    /// <summary>Begins an operation. Answers with its outcome if that is known at once; else null, and <see cref="Operation.Complete"/> is called later,
    /// never from within this call. An operation is given up when a task is to be shut down or is removed: its outcome is then of no interest.</summary>
    Outcome? Begin(Operation operation);

    /// <summary>The task is gone: nothing is to be left of it.</summary>
    void Remove(string taskId);
}

/// <param name="Error">Why it failed; null when it went well.</param>
public readonly record struct Outcome(string? Error)
{
    public static readonly Outcome Done;
}

/// <summary>An operation that an executor has been asked for.</summary>
public readonly struct Operation
{
    private readonly Worker _worker;
    private readonly AgentTask _task;
    private readonly int _attempt;

    internal Operation(Worker worker, AgentTask task, TaskOperation kind)
    {
        _worker = worker;
        _task = task;
        _attempt = task.Attempt;
        Kind = kind;
    }

    public TaskOperation Kind { get; }

    public string TaskId => _task.Id;

    public void Complete(Outcome outcome) => _worker.Complete(_task, _attempt, outcome);
}
