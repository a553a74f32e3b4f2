namespace Skep.Simulation.Invariants;

/// <summary>No engine is told to remove a task that should run there, neither by name nor by leaving it out of complete assignments.</summary>
internal sealed class RightRemovals(World world)
{
    /// <summary>A removal that the newest state anybody has applied does not bear out is wrong, however old the message was.</summary>
    public void Removed(string nodeId, string taskId, string why)
    {
        if (world.Witness.State.Tasks.Find(taskId) is { IsTerminal: false, DesiredState: <= Wire.TaskState.Running } task && task.NodeId == nodeId)
            world.Loop.Fail("no engine removes a task that should run", $"{nodeId} removes task {taskId} ({task.State}, wanted {task.DesiredState}): {why}");
    }
}
