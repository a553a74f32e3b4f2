using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>Which slots of a replicated service stay when it is scaled down: those that leave it most evenly spread.</summary>
internal static class RemovalOrder
{
    /// <summary>
    /// The slots, those to keep first: by how many tasks of the service their node has before them, then running ones, then low
    /// slot numbers (the first replicas of a stateful service are often the special ones). Slots in transition go first.
    /// </summary>
    public static List<IReadOnlyList<TaskRecord>> KeepFirst(List<IReadOnlyList<TaskRecord>> slots)
    {
        var onNode = new Dictionary<string, int>();
        return [.. slots
            .OrderByDescending(slot => slot.Any(task => task.State == Wire.TaskState.Running))
            .ThenBy(slot => slot[0].Slot)
            .Select(slot => (Slot: slot, Nth: Nth(slot)))
            .ToList()
            .OrderBy(entry => entry.Nth)
            .Select(entry => entry.Slot)];

        int Nth(IReadOnlyList<TaskRecord> slot) =>
            slot.Count == 1 && slot[0].NodeId is { Length: > 0 } node ? onNode[node] = onNode.GetValueOrDefault(node) + 1 : int.MaxValue;
    }
}
