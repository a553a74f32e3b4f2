using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Google.Protobuf.WellKnownTypes;
using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class NetworkAttachmentConfig
{
    [OmitEmpty]
    public string Target { get; set; } = "";

    [OmitEmpty]
    public List<string>? Aliases { get; set; }

    [OmitEmpty]
    public Dictionary<string, string>? DriverOpts { get; set; }
}

internal sealed class NetworkAttachment
{
    public Network Network { get; set; } = new();

    [OmitEmpty]
    public List<string>? Addresses { get; set; }
}

/// <summary>A network as tasks show it. /networks has another form: <see cref="NetworkResource"/>.</summary>
internal sealed class Network : StoredObject
{
    public NetworkSpec Spec { get; set; } = new();

    public Driver DriverState { get; set; } = new();

    [OmitEmpty]
    public IPAMOptions? IPAMOptions { get; set; }
}

internal sealed class NetworkSpec : AnnotatedSpec
{
    [OmitEmpty]
    public Driver? DriverConfiguration { get; set; }

    [OmitEmpty]
    public bool IPv6Enabled { get; set; }

    [OmitEmpty]
    public bool Internal { get; set; }

    [OmitEmpty]
    public bool Attachable { get; set; }

    [OmitEmpty]
    public bool Ingress { get; set; }

    [OmitEmpty]
    public IPAMOptions? IPAMOptions { get; set; }

    [OmitEmpty]
    public ConfigReferenceNetwork? ConfigFrom { get; set; }

    [OmitEmpty]
    public string Scope { get; set; } = "";
}

internal sealed class ConfigReferenceNetwork
{
    public string Network { get; set; } = "";
}

internal sealed class IPAMOptions
{
    public Driver Driver { get; set; } = new();

    [OmitEmpty]
    public List<SwarmIPAMConfig>? Configs { get; set; }
}

internal sealed class SwarmIPAMConfig
{
    [OmitEmpty]
    public string Subnet { get; set; } = "";

    [OmitEmpty]
    public string Range { get; set; } = "";

    [OmitEmpty]
    public string Gateway { get; set; } = "";
}

/// <summary>A network as /networks shows it.</summary>
internal sealed class NetworkResource
{
    public string Name { get; set; } = "";

    public string Id { get; set; } = "";

    public Timestamp? Created { get; set; }

    public string Scope { get; set; } = "";

    public string Driver { get; set; } = "";

    public bool EnableIPv4 { get; set; }

    public bool EnableIPv6 { get; set; }

    public IPAM IPAM { get; set; } = new();

    public bool Internal { get; set; }

    public bool Attachable { get; set; }

    public bool Ingress { get; set; }

    public ConfigReferenceNetwork ConfigFrom { get; set; } = new();

    public bool ConfigOnly { get; set; }

    public JsonObject? Containers { get; set; }

    public Dictionary<string, string>? Options { get; set; }

    public Dictionary<string, string>? Labels { get; set; }
}

internal sealed class IPAM
{
    public string Driver { get; set; } = "";

    public Dictionary<string, string>? Options { get; set; }

    public List<IPAMConfig>? Config { get; set; }
}

internal sealed class IPAMConfig
{
    [OmitEmpty]
    public string Subnet { get; set; } = "";

    [OmitEmpty]
    public string IPRange { get; set; } = "";

    [OmitEmpty]
    public string Gateway { get; set; } = "";

    [OmitEmpty]
    [JsonPropertyName("AuxiliaryAddresses")]
    public Dictionary<string, string>? AuxAddress { get; set; }
}

internal sealed class NetworkCreateRequest
{
    public string Name { get; set; } = "";

    public string Driver { get; set; } = "";

    public string Scope { get; set; } = "";

    public bool? EnableIPv4 { get; set; }

    public bool? EnableIPv6 { get; set; }

    public IPAM? IPAM { get; set; }

    public bool Internal { get; set; }

    public bool Attachable { get; set; }

    public bool Ingress { get; set; }

    public bool ConfigOnly { get; set; }

    public ConfigReferenceNetwork? ConfigFrom { get; set; }

    public Dictionary<string, string>? Options { get; set; }

    public Dictionary<string, string>? Labels { get; set; }
}

internal sealed class NetworkCreateResponse
{
    public string Id { get; set; } = "";

    public string Warning { get; set; } = "";
}
