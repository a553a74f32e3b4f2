using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Networks;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/services, but for their logs.</summary>
internal sealed class ServiceEndpoints(SwarmAccess swarm)
{
    /// <summary>Clients of this version and newer look up image digests themselves.</summary>
    private static readonly ApiVersion ClientResolvesImages = new(1, 30);

    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/services", ListAsync)
        .Map("POST", "/services/create", CreateAsync)
        .Map("GET", "/services/{id}", InspectAsync)
        .Map("DELETE", "/services/{id}", RemoveAsync)
        .Map("POST", "/services/{id}/update", UpdateAsync);

    private Task ListAsync(ApiContext context)
    {
        var filters = context.Filters().Accept("name", "id", "label", "mode", "runtime");
        var withStatus = context.StrictFlag("status");
        var services = swarm.Read(state => state.Services.Values
            .Where(s => Matches(filters, s))
            .Select(s => (Service: s, Status: withStatus ? ServiceStatuses.Of(state, s) : null))
            .ToList());
        return context.WriteListAsync(services.OrderBy(s => s.Service.Id, StringComparer.Ordinal).Select(s =>
        {
            var service = s.Service.ToApi();
            service.ServiceStatus = s.Status;
            return service;
        }));
    }

    private static bool Matches(FilterArgs filters, Wire.Service service)
    {
        var name = service.Spec.Annotations?.Name ?? "";
        var mode = service.Spec.ModeCase switch
        {
            Wire.ServiceSpec.ModeOneofCase.Global => "global",
            Wire.ServiceSpec.ModeOneofCase.ReplicatedJob => "replicated-job",
            Wire.ServiceSpec.ModeOneofCase.GlobalJob => "global-job",
            _ => "replicated",
        };
        return filters.Prefix("name", name) && filters.Prefix("id", service.Id) && filters.Labels("label", service.Spec.Annotations?.Labels)
            && filters.Exact("mode", mode) && filters.Exact("runtime", "container");
    }

    private Task InspectAsync(ApiContext context)
    {
        var insertDefaults = context.StrictFlag("insertDefaults");
        var service = swarm.Read(state => Lookup.Service(state, context["id"]));
        var shown = service.ToApi();
        if (insertDefaults)
            shown.Spec = service.Spec.WithDefaults().ToApi();
        return context.WriteAsync(shown);
    }

    private async Task CreateAsync(ApiContext context)
    {
        var spec = await ReadSpecAsync(context);
        var auth = RegistryAuth(context);
        if (auth.Length > 0)
            spec.Task.Container.PullOptions = new Wire.ContainerSpec.Types.PullOptions { RegistryAuth = auth };
        var created = await swarm.CallAsync<Wire.CreateServiceResponse>(new Wire.CreateServiceRequest { Spec = spec }, context.Aborted);
        await context.WriteAsync(new Types.ServiceCreateResponse { ID = created.Service.Id, Warnings = WarningsOf(context, spec) }, 201);
    }

    private async Task UpdateAsync(ApiContext context)
    {
        var spec = await ReadSpecAsync(context);
        var version = context.VersionOf("service");
        var authFrom = context.Query("registryAuthFrom") ?? "";
        if (authFrom is not ("" or "spec" or "previous-spec"))
            throw new ApiException(400, $"invalid registryAuthFrom '{authFrom}'");
        var rollback = context.Query("rollback") switch
        {
            null or "" or "none" => Wire.UpdateServiceRequest.Types.Rollback.None,
            "previous" => Wire.UpdateServiceRequest.Types.Rollback.Previous,
            { } other => throw new ApiException(400, $"unrecognized rollback option {other}"),
        };
        var service = swarm.Read(state => Lookup.Service(state, context["id"]));
        spec.Task.Container.PullOptions = PullOptions(context, service, authFrom);
        await swarm.CallAsync<Wire.UpdateServiceResponse>(
            new Wire.UpdateServiceRequest { ServiceId = service.Id, ServiceVersion = new Wire.Version { Index = version }, Spec = spec, Rollback = rollback },
            context.Aborted);
        await context.WriteAsync(new Types.ServiceUpdateResponse { Warnings = WarningsOf(context, spec) });
    }

    private async Task RemoveAsync(ApiContext context)
    {
        var service = swarm.Read(state => Lookup.Service(state, context["id"]));
        await swarm.CallAsync<Wire.RemoveServiceResponse>(new Wire.RemoveServiceRequest { ServiceId = service.Id }, context.Aborted);
        context.WriteStatus(200);
    }

    private async Task<Wire.ServiceSpec> ReadSpecAsync(ApiContext context)
    {
        _ = swarm.Manager;
        var spec = await context.ReadAsync<Types.ServiceSpec>();
        ApiVersionRules.Apply(context.Version, spec);
        await ServiceNetworks.ResolveAsync(swarm, context, spec);
        return spec.ToWire();
    }

    /// <summary>New credentials if there are any, else those that the service has (or had): an update must not lose them.</summary>
    private static Wire.ContainerSpec.Types.PullOptions? PullOptions(ApiContext context, Wire.Service service, string authFrom)
    {
        var auth = RegistryAuth(context);
        if (auth.Length > 0)
            return new Wire.ContainerSpec.Types.PullOptions { RegistryAuth = auth };
        if (authFrom == "previous-spec" && service.PreviousSpec is null)
            throw new ApiException(400, "service does not have a previous spec");
        var from = authFrom == "previous-spec" ? service.PreviousSpec : service.Spec;
        return (from?.Task?.Container ?? throw new ApiException(400, "service does not use container tasks")).PullOptions;
    }

    private static string RegistryAuth(ApiContext context) => context.Http.Request.Headers["X-Registry-Auth"].ToString();

    private static List<string>? WarningsOf(ApiContext context, Wire.ServiceSpec spec)
    {
        if (context.Version >= ClientResolvesImages)
            return null;
        var image = spec.Task.Container.Image;
        return image.Contains('@')
            ? null
            : [$"image {image} could not be accessed on a registry to record\nits digest. Each node will access {image} independently,\npossibly leading to different nodes running different\nversions of the image.\n"];
    }
}
