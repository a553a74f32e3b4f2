namespace Skep.Simulation.Invariants;

/// <summary>A status that was answered is in the state in the end, or something later is, or the task is gone.</summary>
internal sealed class AnsweredStatuses(World world)
{
    private readonly Dictionary<string, (string NodeId, Wire.TaskState State, string By)> _answered = [];

    public void Answered(string nodeId, string taskId, Wire.TaskState state, string by)
    {
        if (!_answered.TryGetValue(taskId, out var before) || before.State < state)
            _answered[taskId] = (nodeId, state, by);
    }

    /// <summary>The first status that the state does not have, or null. Some may still be on their way.</summary>
    public string? Missing()
    {
        foreach (var (taskId, (nodeId, state, by)) in _answered)
        {
            if (world.Witness.State.Tasks.Find(taskId) is not { } task)
                _answered.Remove(taskId);
            else if (task.State < state)
                return $"{by} answered that task {taskId} of {nodeId} is {state}, but the state says {task.State}";
        }
        return null;
    }
}
