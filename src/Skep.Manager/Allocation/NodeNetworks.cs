using Skep.State;

namespace Skep.Manager.Allocation;

/// <summary>Which networks the tasks of each node are attached to: there a node needs a load-balancer address.</summary>
internal sealed class NodeNetworks
{
    private readonly Dictionary<string, Dictionary<string, int>> _tasks = [];

    public void Clear() => _tasks.Clear();

    public IEnumerable<string> Of(string nodeId) => _tasks.TryGetValue(nodeId, out var networks) ? networks.Keys : [];

    /// <summary>Follows the change of a task and calls back with each node that has come to a network or left one.</summary>
    public void Update(TaskRecord? old, TaskRecord? task, Action<string> changed)
    {
        var used = old is not null && Uses(old);
        var uses = task is not null && Uses(task);
        if (used && uses && old!.NodeId == task!.NodeId && ReferenceEquals(old.Attachments, task.Attachments))
            return;
        if (used)
            Count(old!, -1, changed);
        if (uses)
            Count(task!, 1, changed);
    }

    private void Count(TaskRecord task, int sign, Action<string> changed)
    {
        if (!_tasks.TryGetValue(task.NodeId, out var networks))
            _tasks[task.NodeId] = networks = [];
        foreach (var attachment in task.Attachments)
        {
            var before = networks.GetValueOrDefault(attachment.NetworkId);
            if (before + sign == 0)
                networks.Remove(attachment.NetworkId);
            else
                networks[attachment.NetworkId] = before + sign;
            if (before == 0 || before + sign == 0)
                changed(task.NodeId);
        }
        if (networks.Count == 0)
            _tasks.Remove(task.NodeId);
    }

    private static bool Uses(TaskRecord task) => task is { IsTerminal: false, NodeId.Length: > 0, Attachments.Count: > 0 };
}
