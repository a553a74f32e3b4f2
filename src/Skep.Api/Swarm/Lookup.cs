using Skep.State;

namespace Skep.Api.Swarm;

/// <summary>
/// Finds what the user named: by its whole id, else by its name, else by the beginning of its id. Names come before prefixes, so
/// a service called "a" is found whatever ids begin with it.
/// </summary>
internal static class Lookup
{
    /// <exception cref="ApiException">404 or, when more than one fits, 400; as all of these.</exception>
    public static Wire.Service Service(ClusterState state, string term)
    {
        if (state.Services.TryGetValue(term, out var byId))
            return byId;
        // The index ignores case, the look-up of names does not.
        if (state.ServiceByName(term) is { } byName && byName.Spec.Annotations?.Name == term)
            return byName;
        return ByPrefix("service", term, state.Services);
    }

    public static Wire.Node Node(ClusterState state, string term) => Find("node", term, state.Nodes, n => n.Description?.Hostname);

    public static Wire.Secret Secret(ClusterState state, string term) => Find("secret", term, state.Secrets, s => s.Spec.Annotations?.Name);

    public static Wire.Config Config(ClusterState state, string term) => Find("config", term, state.Configs, c => c.Spec.Annotations?.Name);

    public static Wire.Network Network(ClusterState state, string term) => Find("network", term, state.Networks, n => n.Spec.Annotations?.Name);

    public static TaskRecord Task(ClusterState state, string term)
    {
        // A task's name ends in its id, so no name is ever searched for.
        if ((state.Tasks.Find(term) ?? state.Tasks.Find(term[(term.LastIndexOf('.') + 1)..])) is { } task && (task.Id == term || task.Name == term))
            return task;
        return Only<TaskRecord>("task", term, term.Length == 0 ? [] : [.. state.Tasks.All.Where(t => t.Id.StartsWith(term, StringComparison.Ordinal))]);
    }

    private static T Find<T>(string kind, string term, IReadOnlyDictionary<string, T> objects, Func<T, string?> nameOf)
    {
        if (objects.TryGetValue(term, out var byId))
            return byId;
        var named = objects.Values.Where(o => nameOf(o) == term).ToList();
        return named.Count > 0 ? Only(kind, term, named) : ByPrefix(kind, term, objects);
    }

    private static T ByPrefix<T>(string kind, string term, IReadOnlyDictionary<string, T> objects) =>
        Only<T>(kind, term, term.Length == 0 ? [] : [.. objects.Where(o => o.Key.StartsWith(term, StringComparison.Ordinal)).Select(o => o.Value)]);

    private static T Only<T>(string kind, string term, List<T> matches) => matches.Count switch
    {
        0 => throw new ApiException(404, $"{kind} {term} not found"),
        1 => matches[0],
        _ => throw new ApiException(400, $"{kind} {term} is ambiguous ({matches.Count} matches found)"),
    };
}
