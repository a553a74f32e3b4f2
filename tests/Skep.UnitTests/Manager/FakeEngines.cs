using Skep.Manager;
using Skep.State;

namespace Skep.UnitTests.Manager;

/// <summary>The engines of all nodes of a <see cref="LoopHarness"/>: they bring each task to its desired state and say so.</summary>
public sealed class FakeEngines(LoopHarness harness)
{
    private readonly HashSet<string> _changed = [];

    /// <summary>Nodes whose engines do nothing and say nothing.</summary>
    public HashSet<string> Dead { get; } = [];

    /// <summary>What becomes of a task that is to run: RUNNING, FAILED, COMPLETE, REJECTED; null: it takes its time.</summary>
    public Func<TaskRecord, Wire.TaskState?> Outcome { get; set; } = _ => Wire.TaskState.Running;

    /// <summary>Containers do not stop yet although they are told to.</summary>
    public bool HoldStops { get; set; }

    /// <summary>Says that a running task ended.</summary>
    public void End(string taskId, Wire.TaskState state) => Say(harness.State.Tasks.Find(taskId)!, state);

    public void Fail(string taskId) => End(taskId, Wire.TaskState.Failed);

    /// <summary>Looks at every task again (after something that holds engines back was changed).</summary>
    public void Wake()
    {
        foreach (var task in harness.State.Tasks.All)
            _changed.Add(task.Id);
    }

    internal void Note(IEnumerable<Change> changes)
    {
        foreach (var change in changes.OfType<TaskChange>())
        {
            if (change.New is { } task)
                _changed.Add(task.Id);
        }
    }

    internal void Report()
    {
        foreach (var id in _changed)
        {
            if (harness.State.Tasks.Find(id) is { } task && !Dead.Contains(task.NodeId) && Next(task) is { } state && state > task.State)
                Say(task, state);
        }
        _changed.Clear();
    }

    private Wire.TaskState? Next(TaskRecord task)
    {
        if (task.State < Wire.TaskState.Assigned || task.IsTerminal)
            return null;
        if (task.DesiredState > Wire.TaskState.Running)
            return HoldStops ? null : Wire.TaskState.Shutdown;
        if (task.DesiredState == Wire.TaskState.Ready)
            return Wire.TaskState.Ready;
        return task.State < Wire.TaskState.Running ? Outcome(task) : null;
    }

    private void Say(TaskRecord task, Wire.TaskState state) => harness.Send(new TaskStatusReport(task.NodeId,
    [
        new(task.Id, new Wire.TaskStatus
        {
            State = state,
            Message = state.ToString(),
            Timestamp = SwarmTime.ToWire(harness.Now),
        }),
    ]));
}
