using Skep.State;

namespace Skep.Manager.Control;

/// <summary>What a service's spec names must be there, and be his to use.</summary>
internal static class ServiceReferences
{
    public static void RequireNetworks(ClusterState state, Wire.ServiceSpec spec)
    {
        foreach (var attachment in spec.Task?.Networks ?? [])
        {
            if (!state.Networks.TryGetValue(attachment.Target, out var network))
                throw Refusals.NotFound("network", attachment.Target);
            if (network.Spec.Ingress)
                throw Refusals.InvalidArgument($"Service cannot be explicitly attached to the ingress network \"{network.Spec.Annotations.Name}\"");
        }
    }

    /// <summary>Ports published in ingress mode go through the ingress network, which an operator may have removed.</summary>
    public static void RequireIngress(ClusterState state, Wire.ServiceSpec spec)
    {
        var isNeeded = spec.Endpoint?.Ports.Any(port => port.PublishMode == Wire.PortConfig.Types.PublishMode.Ingress) == true;
        if (isNeeded && !state.Networks.Values.Any(network => network.Spec.Ingress))
            throw Refusals.FailedPrecondition("service needs ingress network, but no ingress network is present");
    }

    public static void RequireSecretsAndConfigs(ClusterState state, Wire.ServiceSpec spec)
    {
        if (spec.Task?.Container is not { } container)
            return;
        Require("secret", container.Secrets
            .Where(reference => state.Secrets.GetValueOrDefault(reference.SecretId)?.Spec.Annotations.Name != reference.SecretName)
            .Select(reference => reference.SecretName));
        Require("config", container.Configs
            .Where(reference => state.Configs.GetValueOrDefault(reference.ConfigId)?.Spec.Annotations.Name != reference.ConfigName)
            .Select(reference => reference.ConfigName));
    }

    /// <summary>A published port leads to one service only, except that several may publish it in host mode (the scheduler keeps them apart).</summary>
    /// <param name="state">The state.</param>
    /// <param name="spec">The spec that publishes ports.</param>
    /// <param name="serviceId">The service that is updated, which does not conflict with itself; null: a new one.</param>
    public static void RequirePorts(ClusterState state, Wire.ServiceSpec spec, string? serviceId)
    {
        var wanted = (spec.Endpoint?.Ports ?? [])
            .Where(port => port.PublishedPort != 0)
            .ToLookup(port => (port.PublishedPort, port.Protocol), port => port.PublishMode);
        if (wanted.Count == 0)
            return;
        foreach (var service in state.Services.Values.Where(service => service.Id != serviceId))
        {
            foreach (var port in (service.Spec.Endpoint?.Ports ?? []).Concat(service.Endpoint?.Ports ?? []).Where(port => port.PublishedPort != 0))
            {
                var isIngress = port.PublishMode == Wire.PortConfig.Types.PublishMode.Ingress;
                if (wanted[(port.PublishedPort, port.Protocol)].Any(mode => isIngress || mode == Wire.PortConfig.Types.PublishMode.Ingress))
                    throw Refusals.InvalidArgument($"port '{port.PublishedPort}' is already in use by service '{service.Spec.Annotations.Name}' ({service.Id}) as {(isIngress ? "an ingress port" : "a host-published port")}");
            }
        }
    }

    private static void Require(string kind, IEnumerable<string> missing)
    {
        var names = missing.ToList();
        if (names.Count > 0)
            throw Refusals.InvalidArgument($"{kind}{(names.Count == 1 ? "" : "s")} not found: {string.Join(", ", names)}");
    }
}
