using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Skep.Api.Swarm.Conversion;
using Skep.State;

namespace Skep.Api.Swarm.Events;

/// <summary>The event that a change of the state is, with stock's attributes; tasks have none.</summary>
internal static class SwarmEventMaker
{
    /// <param name="change">The change.</param>
    /// <param name="now">For removals, which carry no time.</param>
    public static Types.EventMessage? Make(Change change, DateTimeOffset now) => change switch
    {
        NodeChange c => Make("node", c.Old is null, c.New is null, (c.New ?? c.Old!).Id, (c.New ?? c.Old!).Meta, now, NodeAttributes(c.Old, c.New)),
        ServiceChange c => Make("service", c.Old is null, c.New is null, (c.New ?? c.Old!).Id, (c.New ?? c.Old!).Meta, now, ServiceAttributes(c.Old, c.New)),
        NetworkChange c => Make("network", c.Old is null, c.New is null, (c.New ?? c.Old!).Id, (c.New ?? c.Old!).Meta, now, Named((c.New ?? c.Old!).Spec.Annotations)),
        SecretChange c => Make("secret", c.Old is null, c.New is null, (c.New ?? c.Old!).Id, (c.New ?? c.Old!).Meta, now, Named((c.New ?? c.Old!).Spec.Annotations)),
        ConfigChange c => Make("config", c.Old is null, c.New is null, (c.New ?? c.Old!).Id, (c.New ?? c.Old!).Meta, now, Named((c.New ?? c.Old!).Spec.Annotations)),
        _ => null,
    };

    /// <summary>A node began or ceased to host a manager, or its manager is heard or no longer heard; null: neither.</summary>
    public static Types.EventMessage? ManagerChanged(Wire.Node node, State.Manager? old, State.Manager? manager, DateTimeOffset now)
    {
        var attributes = NodeAttributes(null, node);
        var count = attributes.Count;
        Differ(attributes, "role", RoleOn(node, old), RoleOn(node, manager));
        if (old is { IsVoter: true } && manager is { IsVoter: true })
            Differ(attributes, "reachability", ReachabilityOf(old), ReachabilityOf(manager));
        return attributes.Count == count ? null : Message("node", "update", node.Id, Timestamp.FromDateTimeOffset(now), attributes);
    }

    private static string RoleOn(Wire.Node node, State.Manager? manager) => manager is { IsMember: true } && manager.HostNodeId == node.Id ? "manager" : "worker";

    private static string ReachabilityOf(State.Manager manager) => manager.Unreachable ? "unreachable" : "reachable";

    private static Types.EventMessage Make(
        string type, bool created, bool removed, string id, Wire.Meta? meta, DateTimeOffset now, Dictionary<string, string> attributes)
    {
        if (removed)
            return Message(type, "remove", id, Timestamp.FromDateTimeOffset(now), attributes);
        return created ? Message(type, "create", id, meta?.CreatedAt, attributes) : Message(type, "update", id, meta?.UpdatedAt, attributes);
    }

    private static Types.EventMessage Message(string type, string action, string id, Timestamp? time, Dictionary<string, string> attributes) => new()
    {
        Type = type,
        Action = action,
        Actor = new Types.EventActor { ID = id, Attributes = attributes },
        Scope = "swarm",
        Time = time?.Seconds ?? 0,
        TimeNano = ((time?.Seconds ?? 0) * 1_000_000_000) + (time?.Nanos ?? 0),
    };

    private static Dictionary<string, string> Named(Wire.Annotations? annotations) => new() { ["name"] = annotations?.Name ?? "" };

    private static Dictionary<string, string> NodeAttributes(Wire.Node? old, Wire.Node? node)
    {
        var shown = node ?? old!;
        var attributes = Named(shown.Spec?.Annotations);
        if (attributes["name"].Length == 0)
            attributes["name"] = shown.Description?.Hostname ?? "";
        if (old is null || node is null)
            return attributes;
        Differ(attributes, "availability", Words.Availability.Of(old.Spec?.Availability ?? default), Words.Availability.Of(node.Spec?.Availability ?? default));
        Differ(attributes, "role", Words.Role.Of(old.Role), Words.Role.Of(node.Role));
        Differ(attributes, "state", Words.NodeState.Of(old.Status?.State ?? default), Words.NodeState.Of(node.Status?.State ?? default));
        return attributes;
    }

    private static Dictionary<string, string> ServiceAttributes(Wire.Service? old, Wire.Service? service)
    {
        var attributes = Named((service ?? old!).Spec.Annotations);
        if (old is null || service is null)
            return attributes;
        if (old.Spec.Task?.Container is { } oldContainer && service.Spec.Task?.Container is { } container)
            Differ(attributes, "image", oldContainer.Image, container.Image);
        if (old.Spec.Replicated is { } oldReplicated && service.Spec.Replicated is { } replicated)
            Differ(attributes, "replicas", oldReplicated.Replicas.ToString(CultureInfo.InvariantCulture), replicated.Replicas.ToString(CultureInfo.InvariantCulture));
        if (service.UpdateStatus is { } status)
        {
            if (old.UpdateStatus is { } oldStatus)
                Differ(attributes, "updatestate", Words.UpdateState.Of(oldStatus.State), Words.UpdateState.Of(status.State));
            else
                attributes["updatestate.new"] = Words.UpdateState.Of(status.State);
        }
        return attributes;
    }

    private static void Differ(Dictionary<string, string> attributes, string what, string old, string now)
    {
        if (old == now)
            return;
        attributes[what + ".old"] = old;
        attributes[what + ".new"] = now;
    }
}
