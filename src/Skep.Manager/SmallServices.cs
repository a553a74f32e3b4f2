using Skep.State;

namespace Skep.Manager;

/// <summary>
/// What belongs to a service of few tasks goes before what belongs to large ones, wherever both wait: someone waits for a service of one replica; nobody for a
/// certain one of a hundred thousand.
/// </summary>
public static class SmallServices
{
    /// <summary>A service of so many tasks is small.</summary>
    public const int MaxTasks = 100;

    /// <summary>Whether the task's service is small as far as it has come: the first tasks of a large one count as those of a small one, which does no harm.</summary>
    public static bool Has(ClusterState state, TaskRecord task)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(task);
        return state.Tasks.OfService(task.ServiceId).Count <= MaxTasks;
    }
}
