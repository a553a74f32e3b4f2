using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Events;

/// <summary>The filters of /events, as they apply to the cluster's events. The engine applies them to its own.</summary>
internal sealed class EventFilter(FilterArgs filters)
{
    // Each of these names one object, by id or name or their beginning; an event of something else does not fit it.
    private static readonly string[] Objects = ["daemon", "container", "plugin", "volume", "network", "image", "node", "service", "secret", "config"];

    public bool Matches(Types.EventMessage message) =>
        filters.Exact("event", message.Action)
        && filters.Exact("type", message.Type)
        && filters.Exact("scope", message.Scope)
        && filters.Labels("label", message.Actor.Attributes, anyIfEmpty: false)
        && Array.TrueForAll(Objects, o => filters.Prefix(o, message.Actor.ID) || filters.Prefix(o, message.Actor.Attributes.GetValueOrDefault("name", "")));
}
