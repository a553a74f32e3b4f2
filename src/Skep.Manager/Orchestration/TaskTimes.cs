using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>When things happened to a task.</summary>
internal static class TaskTimes
{
    /// <summary>When the present status was reached: by the manager's clock where it is known, since nodes' clocks are trusted less.</summary>
    public static DateTimeOffset StatusTime(this TaskRecord task) =>
        (task.Status.AppliedAt ?? task.Status.Timestamp)?.ToDateTimeOffset() ?? task.UpdatedAt;
}
