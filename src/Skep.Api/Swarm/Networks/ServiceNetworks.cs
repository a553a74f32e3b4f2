using Skep.Api.Engine;
using Skep.Api.Routing;

namespace Skep.Api.Swarm.Networks;

/// <summary>The networks that a service names become ids, before the spec goes to the manager.</summary>
internal static class ServiceNetworks
{
    /// <exception cref="ApiException">404 for an unknown one, 403 for one that only this host has.</exception>
    public static async Task ResolveAsync(SwarmAccess swarm, ApiContext context, Types.ServiceSpec spec)
    {
        foreach (var network in spec.TaskTemplate.Networks ?? [])
        {
            try
            {
                network.Target = swarm.Read(state => Lookup.Network(state, network.Target)).Id;
            }
            catch (ApiException unknown) when (unknown.StatusCode == 404)
            {
                if (await LocalNameAsync(context, network.Target) is not { } local)
                    throw;
                throw new ApiException(403, $"The network {local} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.");
            }
        }
    }

    /// <summary>Name of the engine's own network, if that is what the term means.</summary>
    private static async Task<string?> LocalNameAsync(ApiContext context, string term)
    {
        if (!context.Engine.IsConfigured)
            return null;
        try
        {
            var answer = await context.Engine.SendAsync(new HttpRequestMessage(HttpMethod.Get, EngineHandler.UriOf($"/networks/{Uri.EscapeDataString(term)}")), cancellationToken: context.Aborted);
            return answer.IsSuccess && (string?)answer.Json?["Scope"] != "swarm" ? (string?)answer.Json?["Name"] : null;
        }
        catch (EngineUnavailableException)
        {
            // Only the words of the refusal hang on it.
            return null;
        }
    }
}
