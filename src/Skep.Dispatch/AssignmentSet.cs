using Skep.Dispatch.Outgoing;
using Skep.State;
using Action = Skep.Wire.AssignmentChange.Types.AssignmentAction;

namespace Skep.Dispatch;

/// <summary>What one node was told, so that it is told only what is new. Used by one stream; reads the state under the store's lock.</summary>
internal sealed class AssignmentSet(TaskMessages messages, string nodeId, UrgentTasks urgent)
{
    private readonly Dictionary<string, ToldTask> _told = [];
    private readonly Dictionary<string, HashSet<string>> _secretUsers = [];
    private readonly Dictionary<string, HashSet<string>> _configUsers = [];
    private ToldTask? _lastTold;

    /// <summary>Everything the node must have. It removes what is not in it.</summary>
    public List<OutgoingChange> Everything(ClusterState state)
    {
        var changes = new List<OutgoingChange>();
        foreach (var task in state.Tasks.OnNode(nodeId))
            Update(state, task, changes);
        return changes;
    }

    /// <summary>Adds what the node must be told because this task changed.</summary>
    public void Add(ClusterState state, string taskId, List<OutgoingChange> changes)
    {
        if (state.Tasks.Find(taskId) is { } task && task.NodeId == nodeId)
            Update(state, task, changes);
        else if (_told.Remove(taskId, out var gone))
            Remove(taskId, gone.Spec, changes);
    }

    private void Update(ClusterState state, TaskRecord task, List<OutgoingChange> changes)
    {
        // What is not assigned yet is the manager's business alone.
        if (task.State < Wire.TaskState.Assigned)
            return;
        var told = _told.GetValueOrDefault(task.Id);
        if (_lastTold is null || !_lastTold.Is(task))
            _lastTold = ToldTask.Of(task);
        _told[task.Id] = _lastTold;
        if (told is not null && told.Suffices(task))
        {
            // Ended tasks no longer need their secrets.
            if (task.IsTerminal && !told.IsTerminal)
                ReleaseDependencies(task.Id, task.Spec, changes);
            return;
        }
        if (told is null && !task.IsTerminal)
        {
            AddDependencies(state, task, changes);
            urgent.Told(state, task);
        }
        changes.Add(Change(new OutgoingAssignment { Task = messages.Make(state, task) }, Action.Update));
    }

    private void Remove(string taskId, TaskSpecRecord spec, List<OutgoingChange> changes)
    {
        urgent.Remove(taskId);
        changes.Add(Change(new OutgoingAssignment { Task = new OutgoingTask { Id = taskId } }, Action.Remove));
        ReleaseDependencies(taskId, spec, changes);
    }

    private void AddDependencies(ClusterState state, TaskRecord task, List<OutgoingChange> changes)
    {
        if (task.Spec.Spec.Container is not { } container)
            return;
        foreach (var reference in container.Secrets)
        {
            if (Use(_secretUsers, reference.SecretId, task.Id) && state.Secrets.TryGetValue(reference.SecretId, out var secret))
                changes.Add(Change(new OutgoingAssignment { Secret = secret }, Action.Update));
        }
        foreach (var reference in container.Configs)
        {
            if (Use(_configUsers, reference.ConfigId, task.Id) && state.Configs.TryGetValue(reference.ConfigId, out var config))
                changes.Add(Change(new OutgoingAssignment { Config = config }, Action.Update));
        }
    }

    private void ReleaseDependencies(string taskId, TaskSpecRecord spec, List<OutgoingChange> changes)
    {
        if (spec.Spec.Container is not { } container)
            return;
        foreach (var reference in container.Secrets)
        {
            if (Release(_secretUsers, reference.SecretId, taskId))
                changes.Add(Change(new OutgoingAssignment { Secret = new Wire.Secret { Id = reference.SecretId } }, Action.Remove));
        }
        foreach (var reference in container.Configs)
        {
            if (Release(_configUsers, reference.ConfigId, taskId))
                changes.Add(Change(new OutgoingAssignment { Config = new Wire.Config { Id = reference.ConfigId } }, Action.Remove));
        }
    }

    // True for the first user.
    private static bool Use(Dictionary<string, HashSet<string>> users, string id, string taskId)
    {
        if (users.TryGetValue(id, out var tasks))
        {
            tasks.Add(taskId);
            return false;
        }
        users[id] = [taskId];
        return true;
    }

    // True for the last user.
    private static bool Release(Dictionary<string, HashSet<string>> users, string id, string taskId)
    {
        if (!users.TryGetValue(id, out var tasks) || !tasks.Remove(taskId) || tasks.Count > 0)
            return false;
        users.Remove(id);
        return true;
    }

    private static OutgoingChange Change(OutgoingAssignment assignment, Action action) => new() { Assignment = assignment, Action = action };
}
