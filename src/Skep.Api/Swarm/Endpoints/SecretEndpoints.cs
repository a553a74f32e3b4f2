using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/secrets.</summary>
internal sealed class SecretEndpoints(SwarmAccess swarm)
{
    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/secrets", ListAsync)
        .Map("POST", "/secrets/create", CreateAsync)
        .Map("GET", "/secrets/{id}", InspectAsync)
        .Map("DELETE", "/secrets/{id}", RemoveAsync)
        .Map("POST", "/secrets/{id}/update", UpdateAsync);

    private Task ListAsync(ApiContext context)
    {
        var filters = context.Filters().Accept("names", "name", "id", "label");
        var secrets = swarm.Read(state => state.Secrets.Values.ToList());
        return context.WriteListAsync(secrets
            .Where(s => !s.Internal
                && filters.Exact("names", s.Spec.Annotations?.Name ?? "")
                && filters.Prefix("name", s.Spec.Annotations?.Name ?? "")
                && filters.Prefix("id", s.Id)
                && filters.Labels("label", s.Spec.Annotations?.Labels))
            .OrderBy(s => s.Id, StringComparer.Ordinal)
            .Select(s => s.ToApi()));
    }

    private Task InspectAsync(ApiContext context) => context.WriteAsync(swarm.Read(state => Lookup.Secret(state, context["id"])).ToApi());

    private async Task CreateAsync(ApiContext context)
    {
        var spec = (await context.ReadAsync<Types.SecretSpec>()).ToWire();
        var created = await swarm.CallAsync<Wire.CreateSecretResponse>(new Wire.CreateSecretRequest { Spec = spec }, context.Aborted);
        await context.WriteAsync(new Types.IdResponse { ID = created.Secret.Id }, 201);
    }

    private async Task RemoveAsync(ApiContext context)
    {
        var secret = swarm.Read(state => Lookup.Secret(state, context["id"]));
        await swarm.CallAsync<Wire.RemoveSecretResponse>(new Wire.RemoveSecretRequest { SecretId = secret.Id }, context.Aborted);
        context.WriteStatus(204);
    }

    private async Task UpdateAsync(ApiContext context)
    {
        var spec = (await context.ReadAsync<Types.SecretSpec>()).ToWire();
        var version = context.VersionOf("secret");
        var secret = swarm.Read(state => Lookup.Secret(state, context["id"]));
        await swarm.CallAsync<Wire.UpdateSecretResponse>(
            new Wire.UpdateSecretRequest { SecretId = secret.Id, SecretVersion = new Wire.Version { Index = version }, Spec = spec }, context.Aborted);
        context.WriteStatus(200);
    }
}
