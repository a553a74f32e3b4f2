using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skep.Security.External;

/// <summary>CFSSL's signing request (api/v1/cfssl/sign), as SwarmKit fills it in.</summary>
internal sealed record CfsslRequest
{
    /// <summary>DNS names of the certificate.</summary>
    [JsonPropertyName("hosts")]
    public IReadOnlyList<string>? Hosts { get; init; }

    /// <summary>PEM. Its subject gives way to <see cref="Subject"/>.</summary>
    [JsonPropertyName("certificate_request")]
    public required string CertificateRequest { get; init; }

    [JsonPropertyName("subject")]
    public required CfsslSubject Subject { get; init; }

    /// <summary>Empty: the authority's own default, which is to be one for client and server.</summary>
    [JsonPropertyName("profile")]
    public string Profile { get; init; } = "";

    [JsonPropertyName("crl_override")]
    public string CrlOverride { get; init; } = "";

    [JsonPropertyName("label")]
    public string Label { get; init; } = "";

    [JsonPropertyName("extensions")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<CfsslExtension>? Extensions { get; init; }
}

internal sealed record CfsslSubject([property: JsonPropertyName("CN")] string Cn, [property: JsonPropertyName("names")] IReadOnlyList<CfsslName> Names)
{
    [JsonPropertyName("SerialNumber")]
    public string SerialNumber { get; init; } = "";
}

internal sealed record CfsslName
{
    [JsonPropertyName("C")]
    public string? Country { get; init; }

    [JsonPropertyName("ST")]
    public string? State { get; init; }

    [JsonPropertyName("L")]
    public string? Locality { get; init; }

    [JsonPropertyName("O")]
    public string? Organization { get; init; }

    [JsonPropertyName("OU")]
    public string? Unit { get; init; }
}

/// <param name="Id">Dotted.</param>
/// <param name="Critical">As in the certificate.</param>
/// <param name="Value">DER in hexadecimal.</param>
internal sealed record CfsslExtension([property: JsonPropertyName("id")] string Id, [property: JsonPropertyName("critical")] bool Critical, [property: JsonPropertyName("value")] string Value);

/// <summary>CFSSL's answer to everything.</summary>
internal sealed record CfsslResponse
{
    [JsonPropertyName("success")]
    public bool Success { get; init; }

    [JsonPropertyName("result")]
    public JsonElement Result { get; init; }

    [JsonPropertyName("errors")]
    public IReadOnlyList<CfsslError>? Errors { get; init; }
}

internal sealed record CfsslError([property: JsonPropertyName("code")] int Code, [property: JsonPropertyName("message")] string Message);

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CfsslRequest))]
[JsonSerializable(typeof(CfsslResponse))]
internal sealed partial class CfsslJson : JsonSerializerContext;
