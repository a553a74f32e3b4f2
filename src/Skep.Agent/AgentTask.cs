namespace Skep.Agent;

/// <summary>A task on this node: what little is kept of it. Guarded by its worker's lock.</summary>
internal sealed class AgentTask(string id, Wire.TaskState state, Wire.TaskState desired)
{
    private readonly ReportedTask _reported = new(id);

    public string Id => _reported.Id;

    public Wire.TaskState State { get; set; } = state;

    public Wire.TaskState Desired { get; set; } = desired;

    /// <summary>When it came to its state.</summary>
    public DateTimeOffset Since { get; set; }

    /// <summary>Why it failed; empty when it did not.</summary>
    public string Error { get; set; } = "";

    /// <summary>What the executor does for it at present.</summary>
    public TaskOperation? Operation { get; set; }

    /// <summary>Counts operations, so that the outcome of one that was given up is known as such.</summary>
    public int Attempt { get; set; }

    public TaskReport Report() => new(_reported, State, Since, Error);
}
