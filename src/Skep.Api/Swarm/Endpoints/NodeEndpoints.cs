using System.Runtime.CompilerServices;
using System.Text.Json;
using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Json;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/nodes.</summary>
internal sealed class NodeEndpoints(SwarmAccess swarm)
{
    /// <summary>
    /// Nodes change seldom and are listed often, thousands at a time: each is written once, some 1.5 KB, and kept while the state has it. Not managers,
    /// whose status is not in their nodes.
    /// </summary>
    private readonly ConditionalWeakTable<Wire.Node, byte[]> _workers = [];

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
                && (roles.Count == 0 || roles.Contains(managers.IsManager(n.Id) ? Wire.NodeRole.Manager : Wire.NodeRole.Worker))
                && (memberships.Count == 0 || memberships.Contains(n.Spec?.Membership ?? default)))
            .OrderBy(n => n.Id, StringComparer.Ordinal)
            .Select(n => JsonOf(n, managers)));
    }

    private Task InspectAsync(ApiContext context)
    {
        var status = swarm.Lifecycle.Status;
        var (node, managers) = swarm.Read(state => (Lookup.Node(state, context["id"]), new ManagerStatuses(state, status)));
        return context.WriteAsync(node.ToApi(managers));
    }

    private async Task RemoveAsync(ApiContext context)
    {
        var node = swarm.Read(state => Lookup.Node(state, context["id"]));
        await swarm.CallAsync<Wire.RemoveNodeResponse>(new Wire.RemoveNodeRequest { NodeId = node.Id, Force = context.QueryFlag("force") }, context.Aborted);
        context.WriteStatus(200);
    }

    /// <summary>The role goes on as the client sent it: the manager knows which nodes it shows as managers, and what a change would be.</summary>
    private async Task UpdateAsync(ApiContext context)
    {
        var spec = (await context.ReadAsync<Types.NodeSpec>()).ToWire();
        var version = context.VersionOf("node");
        var node = swarm.Read(state => Lookup.Node(state, context["id"]));
        await swarm.CallAsync<Wire.UpdateNodeResponse>(
            new Wire.UpdateNodeRequest { NodeId = node.Id, NodeVersion = new Wire.Version { Index = version }, Spec = spec }, context.Aborted);
        context.WriteStatus(200);
    }

    private byte[] JsonOf(Wire.Node node, ManagerStatuses managers) => managers.IsManager(node.Id)
        ? JsonSerializer.SerializeToUtf8Bytes(node.ToApi(managers), GoJson.Options)
        : _workers.GetValue(node, worker => JsonSerializer.SerializeToUtf8Bytes(worker.ToApi(managers), GoJson.Options));

    private static T Word<T>(Words<T> words, string filter, string word)
        where T : struct, Enum =>
        words.TryParse(word, out var value) ? value : throw new ApiException(400, $"Invalid {filter} filter: '{word}'");
}
