using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/configs.</summary>
internal sealed class ConfigEndpoints(SwarmAccess swarm)
{
    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/configs", ListAsync)
        .Map("POST", "/configs/create", CreateAsync)
        .Map("GET", "/configs/{id}", InspectAsync)
        .Map("DELETE", "/configs/{id}", RemoveAsync)
        .Map("POST", "/configs/{id}/update", UpdateAsync);

    private Task ListAsync(ApiContext context)
    {
        var filters = context.Filters().Accept("name", "id", "label");
        var configs = swarm.Read(state => state.Configs.Values.ToList());
        return context.WriteListAsync(configs
            .Where(c => filters.Prefix("name", c.Spec.Annotations?.Name ?? "")
                && filters.Prefix("id", c.Id)
                && filters.Labels("label", c.Spec.Annotations?.Labels))
            .OrderBy(c => c.Id, StringComparer.Ordinal)
            .Select(c => c.ToApi()));
    }

    private Task InspectAsync(ApiContext context) => context.WriteAsync(swarm.Read(state => Lookup.Config(state, context["id"])).ToApi());

    private async Task CreateAsync(ApiContext context)
    {
        var spec = (await context.ReadAsync<Types.ConfigSpec>()).ToWire();
        var created = await swarm.CallAsync<Wire.CreateConfigResponse>(new Wire.CreateConfigRequest { Spec = spec }, context.Aborted);
        await context.WriteAsync(new Types.IdResponse { ID = created.Config.Id }, 201);
    }

    private async Task RemoveAsync(ApiContext context)
    {
        var config = swarm.Read(state => Lookup.Config(state, context["id"]));
        await swarm.CallAsync<Wire.RemoveConfigResponse>(new Wire.RemoveConfigRequest { ConfigId = config.Id }, context.Aborted);
        context.WriteStatus(204);
    }

    private async Task UpdateAsync(ApiContext context)
    {
        var spec = (await context.ReadAsync<Types.ConfigSpec>()).ToWire();
        var version = context.VersionOf("config");
        var config = swarm.Read(state => Lookup.Config(state, context["id"]));
        await swarm.CallAsync<Wire.UpdateConfigResponse>(
            new Wire.UpdateConfigRequest { ConfigId = config.Id, ConfigVersion = new Wire.Version { Index = version }, Spec = spec }, context.Aborted);
        context.WriteStatus(200);
    }
}
