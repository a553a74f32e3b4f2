using Skep.State;

namespace Skep.Dispatch;

/// <summary>What a node was told of a task, as far as it can change: all tasks of a service that have no addresses have it in common.</summary>
/// <param name="Spec">What it runs.</param>
/// <param name="Attachments">Its networks.</param>
/// <param name="Endpoint">Its service's ports and addresses.</param>
/// <param name="DesiredState">What the manager wants it to be.</param>
/// <param name="IsTerminal">Whether it has ended.</param>
internal sealed record ToldTask(TaskSpecRecord Spec, IReadOnlyList<Attachment> Attachments, Wire.Endpoint? Endpoint, Wire.TaskState DesiredState, bool IsTerminal)
{
    public static ToldTask Of(TaskRecord task) => new(task.Spec, task.Attachments, task.Endpoint, task.DesiredState, task.IsTerminal);

    /// <summary>Whether this is what would be said of the task.</summary>
    public bool Is(TaskRecord task) => IsTerminal == task.IsTerminal && SaysTheSame(task);

    /// <summary>Whether the node need not be told: only the observed state moved, and the node itself said so.</summary>
    public bool Suffices(TaskRecord task) => task.State > Wire.TaskState.Assigned && SaysTheSame(task);

    /// <summary>Whether a change is none to the node that has the task. Most are none: each status that a node reports.</summary>
    public static bool IsOfNoInterest(TaskRecord old, TaskRecord now) =>
        old.NodeId == now.NodeId && !now.IsTerminal && now.State > Wire.TaskState.Assigned
        && SaysTheSame(now, old.Spec, old.Attachments, old.Endpoint, old.DesiredState);

    private bool SaysTheSame(TaskRecord task) => SaysTheSame(task, Spec, Attachments, Endpoint, DesiredState);

    private static bool SaysTheSame(TaskRecord task, TaskSpecRecord spec, IReadOnlyList<Attachment> attachments, Wire.Endpoint? endpoint, Wire.TaskState desiredState) =>
        desiredState == task.DesiredState
        && ReferenceEquals(spec, task.Spec)
        && ReferenceEquals(attachments, task.Attachments)
        && ReferenceEquals(endpoint, task.Endpoint);
}
