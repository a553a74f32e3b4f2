using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Requests;
using Skep.State;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/tasks.</summary>
internal sealed class TaskEndpoints(SwarmAccess swarm)
{
    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/tasks", ListAsync)
        .Map("GET", "/tasks/{id}", InspectAsync);

    private Task ListAsync(ApiContext context)
    {
        var filters = context.Filters().Accept("name", "id", "label", "service", "node", "desired-state", "_up-to-date", "runtime");
        var desired = filters["desired-state"].Where(s => s.Length > 0)
            .Select(s => Words.TaskState.TryParse(s, out var state) ? state : throw new ApiException(400, $"Invalid desired-state filter: '{s}'"))
            .ToHashSet();
        var self = swarm.Lifecycle.Status.NodeId;
        var (tasks, conversion) = swarm.Read(state => (Select(state, filters, desired, self), TaskConversion.Of(state)));
        // By id, as stock's store has them; the client sorts by its own rules.
        tasks.Sort(static (a, b) => string.CompareOrdinal(a.Id, b.Id));
        return context.WriteListAsync(tasks.Select(conversion.ToApi));
    }

    private Task InspectAsync(ApiContext context)
    {
        var (task, conversion) = swarm.Read(state => (Lookup.Task(state, context["id"]), TaskConversion.Of(state)));
        return context.WriteAsync(conversion.ToApi(task));
    }

    /// <summary>Under the lock: looks at the tasks of the named services or nodes only, where there are such.</summary>
    private static List<TaskRecord> Select(ClusterState state, FilterArgs filters, HashSet<Wire.TaskState> desired, string self)
    {
        var services = filters["service"].Select(s => Lookup.Service(state, s).Id).ToHashSet();
        var nodes = filters["node"].Select(n => Lookup.Node(state, n == "self" && self.Length > 0 ? self : n).Id).ToHashSet();
        var candidates = services.Count > 0 ? services.SelectMany(state.Tasks.OfService)
            : nodes.Count > 0 ? nodes.SelectMany(state.Tasks.OnNode)
            : state.Tasks.All;
        var runtimes = filters["runtime"];
        var upToDate = filters["_up-to-date"].Count > 0;
        var named = filters.Contains("name");

        var selected = new List<TaskRecord>();
        foreach (var task in candidates)
        {
            if (nodes.Count > 0 && !nodes.Contains(task.NodeId)) continue;
            if (desired.Count > 0 && !desired.Contains(task.DesiredState)) continue;
            if (!filters.Prefix("id", task.Id)) continue;
            if (named && !filters.Prefix("name", task.Name)) continue;
            if (!filters.Labels("label", task.Spec.ServiceAnnotations.Labels)) continue;
            // Attachments of containers are tasks too, but nobody wants to see them unasked.
            if (runtimes.Count == 0 ? task.IsAttachment : !runtimes.Contains(task.IsAttachment ? "attachment" : "container")) continue;
            if (upToDate && !IsUpToDate(state, task)) continue;
            selected.Add(task);
        }
        return selected;
    }

    private static bool IsUpToDate(ClusterState state, TaskRecord task) =>
        state.TaskSpecOf(task.ServiceId) is { } current && (ReferenceEquals(current, task.Spec) || current.Spec.Equals(task.Spec.Spec));
}
