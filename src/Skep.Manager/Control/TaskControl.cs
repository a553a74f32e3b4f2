using Skep.State;

namespace Skep.Manager.Control;

/// <summary>Removal of a single task (no docker command does it; SwarmKit's API has it).</summary>
internal static class TaskControl
{
    public static Wire.RemoveTaskResponse Remove(Turn turn, Wire.RemoveTaskRequest request)
    {
        if (request.TaskId.Length == 0)
            throw Refusals.InvalidArgument();
        if (turn.State.Tasks.Find(request.TaskId) is null)
            throw Refusals.NotFound("task", request.TaskId);
        turn.Emit(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { request.TaskId } } });
        return new Wire.RemoveTaskResponse();
    }
}
