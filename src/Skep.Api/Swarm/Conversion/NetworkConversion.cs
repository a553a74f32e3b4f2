using System.Net;
using System.Text.Json.Nodes;

namespace Skep.Api.Swarm.Conversion;

/// <summary>Networks: as tasks show them, as /networks shows them, and the request that makes one.</summary>
internal static class NetworkConversion
{
    /// <summary>Networks that only stand for one that every node has by itself; /networks shows the engine's instead.</summary>
    public static bool IsPredefined(this Wire.Network network) =>
        network.Spec.Annotations is { } annotations && annotations.Labels.TryGetValue("com.docker.swarm.predefined", out var value) && value == "true";

    public static Types.Network ToApi(this Wire.Network network) => new Types.Network
    {
        Spec = new Types.NetworkSpec
        {
            DriverConfiguration = network.Spec.DriverConfig.ToApi(),
            IPv6Enabled = network.Spec.Ipv6Enabled,
            Internal = network.Spec.Internal,
            Attachable = network.Spec.Attachable,
            Ingress = network.Spec.Ingress,
            IPAMOptions = ToApi(network.Spec.Ipam),
            ConfigFrom = network.Spec.Network.Length > 0 ? new Types.ConfigReferenceNetwork { Network = network.Spec.Network } : null,
            Scope = "swarm",
        }.WithAnnotations(network.Spec.Annotations),
        DriverState = network.DriverState.ToApi() ?? new Types.Driver(),
        IPAMOptions = ToApi(network.Ipam),
    }.WithMeta(network.Id, network.Meta);

    /// <param name="network">The network.</param>
    /// <param name="inspected">True: with the (always empty) list of containers.</param>
    public static Types.NetworkResource ToResource(this Wire.Network network, bool inspected) => new()
    {
        Name = network.Spec.Annotations?.Name ?? "",
        Id = network.Id,
        Created = network.Meta?.CreatedAt,
        Scope = "swarm",
        Driver = network.DriverState?.Name ?? network.Spec.DriverConfig?.Name ?? "",
        EnableIPv4 = true,
        EnableIPv6 = network.Spec.Ipv6Enabled,
        IPAM = network.Ipam is { } ipam
            ? new Types.IPAM
            {
                Driver = ipam.Driver?.Name ?? "",
                Options = ipam.Driver?.Options.ToApi(),
                Config = [.. ipam.Configs.Select(c => new Types.IPAMConfig { Subnet = Masked(c.Subnet), IPRange = Masked(c.Range), Gateway = c.Gateway, AuxAddress = c.Reserved.ToApi() })],
            }
            : new Types.IPAM(),
        Internal = network.Spec.Internal,
        Attachable = network.Spec.Attachable,
        Ingress = network.Spec.Ingress,
        ConfigFrom = new Types.ConfigReferenceNetwork { Network = network.Spec.Network },
        Containers = inspected ? new JsonObject() : null,
        Options = network.DriverState?.Options.ToApi(),
        Labels = network.Spec.Annotations?.Labels.ToApi(),
    };

    public static Wire.NetworkSpec ToWire(this Types.NetworkCreateRequest create)
    {
        var spec = new Wire.NetworkSpec
        {
            Annotations = new Wire.Annotations { Name = create.Name },
            DriverConfig = new Wire.Driver { Name = create.Driver },
            Ipv6Enabled = create.EnableIPv6 ?? false,
            Internal = create.Internal,
            Attachable = create.Attachable,
            Ingress = create.Ingress,
        };
        spec.Annotations.Labels.Fill(create.Labels);
        spec.DriverConfig.Options.Fill(create.Options);
        if (create.IPAM is { } ipam)
        {
            spec.Ipam = new Wire.IPAMOptions { Driver = new Wire.Driver { Name = ipam.Driver.Length > 0 ? ipam.Driver : "default" } };
            spec.Ipam.Driver.Options.Fill(ipam.Options);
            spec.Ipam.Configs.AddRange((ipam.Config ?? []).Select(c => new Wire.IPAMConfig { Subnet = Masked(c.Subnet), Range = Masked(c.IPRange), Gateway = c.Gateway }));
        }
        if (create.ConfigFrom is { Network.Length: > 0 } from)
            spec.Network = from.Network;
        return spec;
    }

    private static Types.IPAMOptions? ToApi(Wire.IPAMOptions? options) => options is null
        ? null
        : new Types.IPAMOptions
        {
            Driver = options.Driver.ToApi() ?? new Types.Driver(),
            Configs = [.. options.Configs.Select(c => new Types.SwarmIPAMConfig { Subnet = Masked(c.Subnet), Range = Masked(c.Range), Gateway = c.Gateway })],
        };

    /// <summary>10.1.2.3/24 is 10.1.2.0/24. What is no network stays as it is, for the manager to refuse.</summary>
    private static string Masked(string cidr)
    {
        var slash = cidr.IndexOf('/');
        if (slash < 0 || !IPAddress.TryParse(cidr[..slash], out var address) || !int.TryParse(cidr[(slash + 1)..], out var bits))
            return cidr;
        var bytes = address.GetAddressBytes();
        if (bits < 0 || bits > bytes.Length * 8)
            return cidr;
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] &= (byte)(0xFF << Math.Clamp(((i + 1) * 8) - bits, 0, 8));
        return $"{new IPAddress(bytes)}/{bits}";
    }
}
