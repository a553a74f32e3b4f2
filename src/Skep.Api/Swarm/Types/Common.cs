using System.Text.Json.Serialization;
using Google.Protobuf.WellKnownTypes;
using Skep.Api.Swarm.Json;

// The Engine API's swarm types, with its names (api/swagger.yaml): what a property means is written there. They carry no rules;
// Conversion turns them into the cluster's own messages and back. A list or map that is null is not there; one that Go would
// leave out when empty is marked so.
namespace Skep.Api.Swarm.Types;

/// <summary>An object's version: what an update must name.</summary>
internal sealed class ObjectVersion
{
    [OmitEmpty]
    public ulong Index { get; set; }
}

/// <summary>What every stored object has.</summary>
internal abstract class StoredObject
{
    [JsonPropertyOrder(-5)]
    public string ID { get; set; } = "";

    [JsonPropertyOrder(-4)]
    public ObjectVersion Version { get; set; } = new();

    [JsonPropertyOrder(-3)]
    public Timestamp? CreatedAt { get; set; }

    [JsonPropertyOrder(-2)]
    public Timestamp? UpdatedAt { get; set; }
}

/// <summary>Name and labels, which every spec has.</summary>
internal abstract class AnnotatedSpec
{
    [OmitEmpty]
    [JsonPropertyOrder(-2)]
    public string Name { get; set; } = "";

    [JsonPropertyOrder(-1)]
    public Dictionary<string, string>? Labels { get; set; }
}

internal sealed class Driver
{
    [OmitEmpty]
    public string Name { get; set; } = "";

    [OmitEmpty]
    public Dictionary<string, string>? Options { get; set; }
}

internal sealed class TLSInfo
{
    [OmitEmpty]
    public string TrustRoot { get; set; } = "";

    [OmitEmpty]
    public byte[]? CertIssuerSubject { get; set; }

    [OmitEmpty]
    public byte[]? CertIssuerPublicKey { get; set; }
}

internal sealed class Platform
{
    [OmitEmpty]
    public string Architecture { get; set; } = "";

    [OmitEmpty]
    public string OS { get; set; } = "";
}

internal sealed class PortConfig
{
    [OmitEmpty]
    public string Name { get; set; } = "";

    [OmitEmpty]
    public string Protocol { get; set; } = "";

    [OmitEmpty]
    public uint TargetPort { get; set; }

    [OmitEmpty]
    public uint PublishedPort { get; set; }

    [OmitEmpty]
    public string PublishMode { get; set; } = "";
}

internal sealed class GenericResource
{
    [OmitEmpty]
    public NamedGenericResource? NamedResourceSpec { get; set; }

    [OmitEmpty]
    public DiscreteGenericResource? DiscreteResourceSpec { get; set; }
}

internal sealed class NamedGenericResource
{
    [OmitEmpty]
    public string Kind { get; set; } = "";

    [OmitEmpty]
    public string Value { get; set; } = "";
}

internal sealed class DiscreteGenericResource
{
    [OmitEmpty]
    public string Kind { get; set; } = "";

    [OmitEmpty]
    public long Value { get; set; }
}

internal sealed class Resources
{
    [OmitEmpty]
    public long NanoCPUs { get; set; }

    [OmitEmpty]
    public long MemoryBytes { get; set; }

    [OmitEmpty]
    public List<GenericResource>? GenericResources { get; set; }
}

/// <summary>The answer of a create.</summary>
internal sealed class IdResponse
{
    public string ID { get; set; } = "";
}
