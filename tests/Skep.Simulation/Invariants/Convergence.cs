using Skep.State;

namespace Skep.Simulation.Invariants;

/// <summary>After the faults everything comes right: one leader, equal states, every node ready, every service as it is wanted, and engines run just that.</summary>
internal sealed class Convergence(World world)
{
    /// <summary>What is not right yet, or null.</summary>
    public string? Missing() => Leadership() ?? States() ?? Nodes() ?? Services() ?? Engines() ?? world.Statuses.Missing();

    private string? Leadership()
    {
        if (world.Leader is not { } leader)
            return "there is no leader";
        if (world.Managers.FirstOrDefault(m => m.Process is null) is { } down)
            return $"{down.Name} is down";
        var membership = leader.Process!.Loop.Membership;
        var strangers = world.Managers.Where(m => !membership.IsVoter(m.RaftId)).Select(m => m.Name).ToList();
        return strangers.Count > 0 || membership.Voters.Count != world.Managers.Count ? $"not all managers are voters, or others are: {membership}" : null;
    }

    private string? States()
    {
        var leader = world.Leader!.Process!;
        foreach (var manager in world.Managers)
        {
            if (manager.Process!.Loop.LastApplied != leader.Loop.LastApplied || manager.Process.Hash.Value != leader.Hash.Value)
                return $"{manager.Name} has applied {manager.Process.Loop.LastApplied}, the leader {leader.Loop.LastApplied}";
        }
        return leader.Loop.LastApplied < world.Witness.Index ? $"the leader has applied {leader.Loop.LastApplied}, but {world.Witness.Index} was applied before" : null;
    }

    private string? Nodes()
    {
        var state = world.Witness.State;
        return state.Nodes.Values.FirstOrDefault(n => n.Status.State != Wire.NodeStatus.Types.State.Ready) is { } node ? $"node {node.Id} is {node.Status.State} ({node.Status.Message})" : null;
    }

    private string? Services()
    {
        var state = world.Witness.State;
        foreach (var service in state.Services.Values)
        {
            var wanted = service.Spec.Replicated is { } replicated ? (int)replicated.Replicas : state.Nodes.Values.Count(n => n.Spec.Availability == Wire.NodeSpec.Types.Availability.Active);
            var live = state.Tasks.OfService(service.Id).Where(t => t.DesiredState <= Wire.TaskState.Running).ToList();
            // An update that was paused because tasks failed stays so until somebody goes on with it; a start-first one may leave both
            // tasks in a slot.
            var paused = service.UpdateStatus?.State is Wire.UpdateStatus.Types.UpdateState.Paused or Wire.UpdateStatus.Types.UpdateState.RollbackPaused;
            if (paused)
                live = [.. live.OrderByDescending(t => t.State == Wire.TaskState.Running).DistinctBy(t => t.SlotKey)];
            var running = live.Count(t => t is { DesiredState: Wire.TaskState.Running, State: Wire.TaskState.Running });
            if (live.Count != wanted || running != wanted)
                return $"service {service.Spec.Annotations.Name} wants {wanted} tasks, {live.Count} are meant to run and {running} do (update {service.UpdateStatus?.State}, {service.Spec.Update?.Order}): {string.Join(", ", live.Select(Describe))}";
            if (!paused && live.FirstOrDefault(t => !t.Spec.Spec.Equals(service.Spec.Task)) is { } outdated)
                return $"service {service.Spec.Annotations.Name} has the outdated task {Describe(outdated)}, update {service.UpdateStatus?.State}";
        }
        return null;
    }

    private string? Engines()
    {
        foreach (var agent in world.Agents)
        {
            var wanted = world.Witness.State.Tasks.OnNode(agent.NodeId).Where(t => t is { DesiredState: Wire.TaskState.Running, State: Wire.TaskState.Running }).Select(t => t.Id).ToHashSet();
            var running = agent.Tasks.All.Where(t => t.IsRunning).Select(t => t.Id).ToHashSet();
            if (!wanted.SetEquals(running))
                return $"{agent.NodeId} should run [{string.Join(' ', wanted.Order())}] and runs [{string.Join(' ', running.Order())}]";
        }
        return null;
    }

    private static string Describe(TaskRecord task) => $"{task.Slot}: {task.Id} {task.State} wanted {task.DesiredState} on '{task.NodeId}'";
}
