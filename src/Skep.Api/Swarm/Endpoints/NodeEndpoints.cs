using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/nodes.</summary>
internal sealed class NodeEndpoints(SwarmAccess swarm)
{
    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/nodes", ListAsync)
        .Map("GET", "/nodes/{id}", InspectAsync)
        .Map("DELETE", "/nodes/{id}", RemoveAsync)
        .Map("POST", "/nodes/{id}/update", UpdateAsync);

    private Task ListAsync(ApiContext context)
    {
        var filters = context.Filters().Accept("name", "id", "label", "role", "membership", "node.label");
        var roles = filters["role"].Where(r => r.Length > 0).Select(r => Word(Words.Role, "role", r)).ToList();
        var memberships = filters["membership"].Where(m => m.Length > 0).Select(m => Word(Words.Membership, "membership", m)).ToList();
        var status = swarm.Lifecycle.Status;
        var (nodes, managers) = swarm.Read(state => (state.Nodes.Values.ToList(), new ManagerStatuses(state, status)));
        return context.WriteListAsync(nodes
            .Where(n => filters.Prefix("name", n.Description?.Hostname ?? "")
                && filters.Prefix("id", n.Id)
                && filters.Labels("label", n.Description?.Engine?.Labels)
                && filters.Labels("node.label", n.Spec?.Annotations?.Labels)
                && (roles.Count == 0 || roles.Contains(managers.Of(n.Id) is null ? n.Role : Wire.NodeRole.Manager))
                && (memberships.Count == 0 || memberships.Contains(n.Spec?.Membership ?? default)))
            .OrderBy(n => n.Id, StringComparer.Ordinal)
            .Select(n => n.ToApi(managers.Of(n.Id))));
    }

    private Task InspectAsync(ApiContext context)
    {
        var status = swarm.Lifecycle.Status;
        var (node, managers) = swarm.Read(state => (Lookup.Node(state, context["id"]), new ManagerStatuses(state, status)));
        return context.WriteAsync(node.ToApi(managers.Of(node.Id)));
    }

    private async Task RemoveAsync(ApiContext context)
    {
        var status = swarm.Lifecycle.Status;
        var (node, managers) = swarm.Read(state => (Lookup.Node(state, context["id"]), new ManagerStatuses(state, status)));
        if (managers.Of(node.Id) is not null)
        {
            throw new ApiException(400, $"rpc error: code = FailedPrecondition desc = node {node.Id} is a cluster manager and is a member of the raft cluster. "
                + "It must be demoted to worker before removal");
        }
        await swarm.CallAsync<Wire.RemoveNodeResponse>(new Wire.RemoveNodeRequest { NodeId = node.Id, Force = context.QueryFlag("force") }, context.Aborted);
        context.WriteStatus(200);
    }

    private async Task UpdateAsync(ApiContext context)
    {
        var spec = (await context.ReadAsync<Types.NodeSpec>()).ToWire();
        var version = context.VersionOf("node");
        var status = swarm.Lifecycle.Status;
        var (node, managers) = swarm.Read(state => (Lookup.Node(state, context["id"]), new ManagerStatuses(state, status)));
        var hostsManager = managers.Of(node.Id) is not null;
        var name = node.Description?.Hostname is { Length: > 0 } hostname ? hostname : node.Id;

        // The client sends the whole spec back, the role as it was shown included. To its engine a node that hosts a manager stays
        // a worker, so only a role that really differs is a request to promote or demote.
        if (hostsManager && spec.DesiredRole == Wire.NodeRole.Worker)
        {
            throw new ApiException(400, $"rpc error: code = FailedPrecondition desc = node {name} hosts a manager: to demote it, run \"docker swarm leave --force\" "
                + "on it and join it again as a worker");
        }
        if (!hostsManager && spec.DesiredRole == Wire.NodeRole.Manager)
        {
            throw new ApiException(400, $"rpc error: code = FailedPrecondition desc = node {name} cannot be promoted: a manager needs skepd on its host. "
                + "Install skepd there, then run \"docker swarm join\" with the manager token against it");
        }
        spec.DesiredRole = Wire.NodeRole.Worker;
        spec.Membership = node.Spec?.Membership ?? Wire.NodeSpec.Types.Membership.Accepted;
        await swarm.CallAsync<Wire.UpdateNodeResponse>(
            new Wire.UpdateNodeRequest { NodeId = node.Id, NodeVersion = new Wire.Version { Index = version }, Spec = spec }, context.Aborted);
        context.WriteStatus(200);
    }

    private static T Word<T>(Words<T> words, string filter, string word)
        where T : struct, Enum =>
        words.TryParse(word, out var value) ? value : throw new ApiException(400, $"Invalid {filter} filter: '{word}'");
}
