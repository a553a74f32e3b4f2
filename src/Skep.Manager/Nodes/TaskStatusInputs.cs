using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>What engines report of their tasks.</summary>
internal static class TaskStatusInputs
{
    public static void Report(Turn turn, TaskStatusReports reports)
    {
        foreach (var report in reports.Reports)
            Report(turn, report);
    }

    public static void Report(Turn turn, TaskStatusReport report)
    {
        foreach (var (taskId, status) in report.Statuses)
        {
            // A task that was deleted, or that belongs to another node, is not this node's to speak of.
            if (turn.State.Tasks.Find(taskId) is not { } task || task.NodeId != report.NodeId)
                continue;
            // Observed state only moves forward: a late report of an earlier state is old news.
            if (status.State < task.State || task.Status.Says(status))
                continue;
            turn.Emit(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = taskId, Status = status } });
        }
    }
}
