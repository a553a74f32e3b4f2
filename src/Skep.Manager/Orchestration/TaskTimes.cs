using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>When things happened to a task.</summary>
internal static class TaskTimes
{
    /// <summary>
    /// When the present status was reached, by a manager's clock. Never by the node's, which may be wrong: when the status has no
    /// time of its own, the task's last change stands for it.
    /// </summary>
    public static DateTimeOffset StatusTime(this TaskRecord task) => task.Status.AppliedAt ?? task.UpdatedAt;
}
