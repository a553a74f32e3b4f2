using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>What makes pending tasks alike for the scheduler: their spec and the host ports they take.</summary>
internal readonly record struct GroupKey(TaskSpecRecord Spec, string HostPorts)
{
    public static GroupKey Of(TaskRecord task) =>
        new(task.Spec, task.Endpoint is not { Ports.Count: > 0 } ? "" : string.Join(',', NodeLoad.HostPorts(task.Endpoint).Select(p => $"{p.PublishedPort}/{p.Protocol}")));
}

/// <summary>Pending tasks that are alike, oldest first.</summary>
/// <param name="key">What they have in common.</param>
/// <param name="sample">Any of them, for what they ask of a node.</param>
internal sealed class PendingGroup(GroupKey key, TaskRecord sample)
{
    private readonly Queue<string> _tasks = [];
    private HashSet<string>? _left; // in the queue, though they wait no longer

    public GroupKey Key { get; } = key;

    public TaskRecord Sample { get; } = sample;

    /// <summary>It waits to be tried; otherwise no node could take its tasks when it was tried last.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Before this, tasks that were told why they wait are not told anew.</summary>
    public DateTimeOffset ExplainAgainAt { get; set; }

    /// <summary>How the nodes rank for these tasks, kept from turn to turn while it holds: a burst is placed over many turns.</summary>
    public Ranking? Ranking { get; set; }

    /// <summary>So few that they are not worth a look at all nodes, and that they go before others.</summary>
    public bool IsSmall => _tasks.Count - (_left?.Count ?? 0) <= SmallServices.MaxTasks;

    /// <summary>Id of the task that has waited longest; null when none waits.</summary>
    public string? First
    {
        get
        {
            while (_tasks.TryPeek(out var id))
            {
                if (_left is null || !_left.Remove(id))
                    return id;
                _tasks.Dequeue();
            }
            return null;
        }
    }

    public void Add(TaskRecord task) => _tasks.Enqueue(task.Id);

    /// <summary>The first is to get its node.</summary>
    public void RemoveFirst() => _tasks.Dequeue();

    /// <summary>A task waits no longer for another reason. It is found out when its turn comes, since a queue cannot be searched for each.</summary>
    public void Leave(string taskId) => (_left ??= []).Add(taskId);

    public IEnumerable<TaskRecord> Waiting(ClusterState state) => _tasks.Select(state.Tasks.Find).OfType<TaskRecord>().Where(IsWaiting);

    /// <summary>A task that is to run (or to be ready) and has no node yet, or one that nobody has checked.</summary>
    public static bool IsWaiting(TaskRecord task) => task is { State: Wire.TaskState.Pending, DesiredState: <= Wire.TaskState.Complete };
}

/// <summary>What placing some tasks of a group left behind for the next time.</summary>
/// <param name="Tree">The nodes with these tasks counted in.</param>
/// <param name="Filters">What the tree was made with.</param>
/// <param name="Loads">Number of the last change of any node's load that is in it.</param>
/// <param name="MadeAt">Failures fade with time, so it does not hold for long.</param>
internal sealed record Ranking(SpreadTree Tree, NodeFilters Filters, ulong Loads, DateTimeOffset MadeAt);
