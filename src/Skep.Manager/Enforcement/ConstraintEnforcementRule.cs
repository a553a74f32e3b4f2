using Skep.Manager.Scheduling;
using Skep.State;

namespace Skep.Manager.Enforcement;

/// <summary>
/// A task whose node changed under it (labels, role, resources) so that it could not be placed there any more is rejected, and
/// orchestration replaces it. As SwarmKit's constraint enforcer: nodes that are paused or drained are left to their operator.
/// </summary>
public sealed class ConstraintEnforcementRule : IRule
{
    private readonly WorkSet<string> _nodes = new();

    public bool HasWork => _nodes.Count > 0;

    public DateTimeOffset? NextDue => null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _nodes.Clear();
        foreach (var id in state.Nodes.Keys.Order(StringComparer.Ordinal))
            _nodes.Add(id);
    }

    public void Note(Change change)
    {
        switch (change)
        {
            case NodeChange { New: { } node, Old: var old } when old is null || !LooksTheSame(old, node):
                _nodes.Add(node.Id);
                break;
            case ManagerChange manager:
                // The host of a manager changes its role in constraints.
                foreach (var nodeId in new[] { manager.Old?.NodeId, manager.New?.NodeId })
                {
                    if (!string.IsNullOrEmpty(nodeId))
                        _nodes.Add(nodeId);
                }
                break;
        }
    }

    public void Run(Turn turn)
    {
        while (!turn.Exhausted && _nodes.TryTake(out var id))
        {
            if (turn.State.Nodes.TryGetValue(id, out var node) && node.Spec?.Availability == Wire.NodeSpec.Types.Availability.Active)
                Enforce(turn, node);
        }
    }

    private static bool LooksTheSame(Wire.Node old, Wire.Node node) =>
        old.Role == node.Role && old.Status?.Addr == node.Status?.Addr && Equals(old.Spec, node.Spec) && Equals(old.Description, node.Description);

    private static void Enforce(Turn turn, Wire.Node node)
    {
        var role = NodeRoles.Of(turn.State, node);
        var cpus = node.Description?.Resources?.NanoCpus ?? 0;
        var memory = node.Description?.Resources?.MemoryBytes ?? 0;
        var generic = new GenericResources();
        var constraints = new Dictionary<Wire.Placement, IReadOnlyList<Constraint>>(ReferenceEqualityComparer.Instance);
        // Oldest first: when a node shrank, the newest tasks have to go.
        foreach (var task in turn.State.Tasks.OnNode(node.Id).Where(IsActive).OrderBy(t => t.CreatedAt).ThenBy(t => t.Id, StringComparer.Ordinal).ToList())
        {
            var reserved = task.Spec.Spec.Resources?.Reservations;
            if (!Matches(turn.State, task, node, role, constraints)
                || (reserved is not null && (reserved.MemoryBytes > memory || reserved.NanoCpus > cpus))
                || !generic.HasAll(node.Description?.Resources?.Generic ?? [], task.GenericResources))
            {
                Reject(turn, task);
                continue;
            }
            cpus -= reserved?.NanoCpus ?? 0;
            memory -= reserved?.MemoryBytes ?? 0;
            generic.Take(task.GenericResources);
        }
    }

    private static bool IsActive(TaskRecord task) =>
        task.DesiredState is >= Wire.TaskState.Assigned and <= Wire.TaskState.Complete && task.State < Wire.TaskState.Complete;

    private static bool Matches(ClusterState state, TaskRecord task, Wire.Node node, Wire.NodeRole role, Dictionary<Wire.Placement, IReadOnlyList<Constraint>> cache)
    {
        // The service's constraints of today, not the task's own: an update of nothing but constraints leaves alone the tasks whose
        // nodes satisfy them, so those tasks carry old ones.
        var placement = state.Services.TryGetValue(task.ServiceId, out var service) ? service.Spec.Task?.Placement : task.Spec.Spec.Placement;
        if (placement is null || placement.Constraints.Count == 0)
            return true;
        if (!cache.TryGetValue(placement, out var constraints))
            cache[placement] = constraints = Parse(placement);
        return Constraint.Match(constraints, node, role);
    }

    private static IReadOnlyList<Constraint> Parse(Wire.Placement placement)
    {
        try
        {
            return Constraint.Parse(placement.Constraints);
        }
        catch (FormatException)
        {
            return [];
        }
    }

    // The observed state, not the desired one: that belongs to orchestration, which restarts the task elsewhere if it may.
    private static void Reject(Turn turn, TaskRecord task)
    {
        var status = task.Status.ToWire();
        status.State = Wire.TaskState.Rejected;
        status.Message = "task rejected by constraint enforcer";
        status.Err = "assigned node no longer meets constraints";
        status.Timestamp = SwarmTime.ToWire(turn.Now);
        turn.Emit(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = task.Id, Status = status } });
    }
}
