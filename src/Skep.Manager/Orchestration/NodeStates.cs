namespace Skep.Manager.Orchestration;

/// <summary>What the state of a node means for its tasks.</summary>
internal static class NodeStates
{
    /// <summary>Its tasks are lost or must go: removed, down or drained. A node of unknown state keeps its tasks.</summary>
    public static bool CannotRunTasks(Wire.Node? node) => node is null || IsDown(node) || IsDrained(node);

    public static bool IsDown(Wire.Node node) => node.Status?.State == Wire.NodeStatus.Types.State.Down;

    public static bool IsDrained(Wire.Node node) => node.Spec.Availability == Wire.NodeSpec.Types.Availability.Drain;

    public static bool IsPaused(Wire.Node node) => node.Spec.Availability == Wire.NodeSpec.Types.Availability.Pause;
}
