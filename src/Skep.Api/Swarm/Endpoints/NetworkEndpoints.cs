using System.Text.Json;
using System.Text.Json.Nodes;
using Skep.Api.Engine;
using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Json;
using Skep.Api.Swarm.Networks;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>
/// /networks: those of the cluster and those of the local engine, as one list. An overlay that is in use on this host is in both;
/// then the engine knows more of it. While this daemon serves no cluster, all of it is the engine's.
/// </summary>
internal sealed class NetworkEndpoints(SwarmAccess swarm)
{
    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/networks", ListAsync)
        .Map("POST", "/networks/create", CreateAsync)
        .Map("GET", "/networks/{id}", InspectAsync)
        .Map("DELETE", "/networks/{id}", RemoveAsync);

    private async Task ListAsync(ApiContext context)
    {
        if (swarm.Store is not { } store)
        {
            await context.ForwardAsync();
            return;
        }
        var filter = new NetworkFilter(context.Filters());
        var networks = store.Read(state => state.Networks.Values.ToList())
            .Where(n => !n.IsPredefined())
            .Select(n => n.ToResource(inspected: false))
            .Where(filter.Matches)
            .OrderBy(n => n.Name, StringComparer.Ordinal);
        var list = new JsonArray();
        HashSet<string> listed = [];
        foreach (var network in networks)
        {
            listed.Add(network.Id);
            list.Add(ToNode(network));
        }
        if (context.Engine.IsConfigured && (await context.CallEngineAsync()).EnsureSuccess().Json is JsonArray local)
        {
            foreach (var network in local.ToList())
            {
                if (network is null || listed.Contains((string?)network["Id"] ?? ""))
                    continue;
                local.Remove(network);
                list.Add(network);
            }
        }
        await context.WriteAsync<JsonNode>(list);
    }

    private async Task InspectAsync(ApiContext context)
    {
        var term = context["id"];
        var scope = context.Query("scope") ?? "";
        if (scope == "local" || FindInSwarm(term) is not { } found)
        {
            await ForwardOrRefuseAsync(context, term);
            return;
        }
        if (found.Matches > 1)
            throw Ambiguous(term, found);
        var local = context.Engine.IsConfigured ? await context.CallEngineAsync() : null;
        if (local is { StatusCode: >= 500 })
            throw local.Refusal!;
        var localId = local is { IsSuccess: true } ? (string?)local.Json?["Id"] : null;
        if (localId is not null && localId == found.Network.Id)
            await context.WriteAsync(local!.Json!);
        else if (localId is not null && localId == term)
            await context.WriteAsync(local!.Json!);
        else if (localId is not null && found.ByName && scope != "swarm" && (string?)local!.Json!["Name"] == term)
            throw new ApiException(400, $"2 matches found based on name: network {term} is ambiguous");
        else
            await context.WriteAsync(found.Network.ToResource(inspected: true));
    }

    private async Task CreateAsync(ApiContext context)
    {
        if (swarm.Store is null)
        {
            await context.ForwardAsync();
            return;
        }
        // The engine is given what is its own as it came: body and all.
        var body = await BufferedBody.ReadAsync(context);
        var create = await context.ReadAsync<Types.NetworkCreateRequest>();
        body.Rewind();
        var taken = swarm.Read(state => state.Networks.Values.Any(n => n.Spec.Annotations?.Name == create.Name && !n.IsPredefined()));
        if (taken)
            throw NameTaken(create.Name);
        if (create.ConfigOnly || (create.Driver != "overlay" && create.Scope != "swarm"))
        {
            await context.ForwardAsync();
            return;
        }
        if (create.Name is "bridge" or "host" or "none" or "default")
            throw new ApiException(403, $"{create.Name} is a pre-defined network and cannot be created");
        if (create.EnableIPv4 == false)
            throw new ApiException(400, "IPv4 cannot be disabled in a Swarm scoped network");
        if (await LocalAsync(context, create.Name) is { } local && (string?)local["Name"] == create.Name)
            throw NameTaken(create.Name);
        var created = await swarm.CallAsync<Wire.CreateNetworkResponse>(new Wire.CreateNetworkRequest { Spec = create.ToWire() }, context.Aborted);
        await context.WriteAsync(new Types.NetworkCreateResponse { Id = created.Network.Id }, 201);
    }

    private async Task RemoveAsync(ApiContext context)
    {
        var term = context["id"];
        if (FindInSwarm(term) is not { } found)
        {
            await ForwardOrRefuseAsync(context, term);
            return;
        }
        if (found.Matches > 1)
            throw Ambiguous(term, found);
        var local = await LocalAsync(context, term);
        if (local is not null && (string?)local["Id"] is { } localId && localId != found.Network.Id)
        {
            if (localId == term)
            {
                await context.ForwardAsync();
                return;
            }
            if (found.ByName && (string?)local["Name"] == term)
                throw new ApiException(400, $"network {term} is ambiguous (2 matches found based on name)");
        }
        await swarm.CallAsync<Wire.RemoveNetworkResponse>(new Wire.RemoveNetworkRequest { NetworkId = found.Network.Id }, context.Aborted);
        context.WriteStatus(204);
    }

    /// <summary>By whole id, else by name, else by the beginning of the id; null when no network of the cluster fits.</summary>
    private Found? FindInSwarm(string term)
    {
        if (swarm.Store is not { } store)
            return null;
        var networks = store.Read(state => state.Networks.Values.ToList());
        networks.RemoveAll(n => n.IsPredefined());
        if (networks.Find(n => n.Id == term) is { } byId)
            return new Found(byId, ByName: false, 1);
        var named = networks.FindAll(n => n.Spec.Annotations?.Name == term);
        if (named.Count > 0)
            return new Found(named[0], ByName: true, named.Count);
        var begins = networks.FindAll(n => n.Id.StartsWith(term, StringComparison.Ordinal));
        return begins.Count > 0 ? new Found(begins[0], ByName: false, begins.Count) : null;
    }

    /// <summary>The engine's network of that name or id; null when it has none.</summary>
    private static async Task<JsonNode?> LocalAsync(ApiContext context, string term)
    {
        if (!context.Engine.IsConfigured)
            return null;
        using var request = new HttpRequestMessage(HttpMethod.Get, EngineHandler.UriOf($"/networks/{Uri.EscapeDataString(term)}"));
        var answer = await context.Engine.SendAsync(request, cancellationToken: context.Aborted);
        return answer.IsSuccess ? answer.Json : null;
    }

    private static Task ForwardOrRefuseAsync(ApiContext context, string term) =>
        context.Engine.IsConfigured ? context.ForwardAsync() : throw new ApiException(404, $"network {term} not found");

    private static ApiException NameTaken(string name) => new(409, $"network with name {name} already exists");

    private static ApiException Ambiguous(string term, Found found) =>
        new(400, $"network {term} is ambiguous ({found.Matches} matches found based on {(found.ByName ? "name" : "ID prefix")})");

    private static JsonNode ToNode(Types.NetworkResource network)
    {
        var node = JsonSerializer.SerializeToNode(network, GoJson.Options)!;
        node["Containers"] = new JsonObject();
        return node;
    }

    private sealed record Found(Wire.Network Network, bool ByName, int Matches);
}
