using System.Text.Json.Serialization;

namespace Skep.Api.Swarm.Types;

internal sealed class EventMessage
{
    public string Type { get; set; } = "";

    public string Action { get; set; } = "";

    public EventActor Actor { get; set; } = new();

    [JsonPropertyName("scope")]
    public string Scope { get; set; } = "";

    /// <summary>Seconds since 1970.</summary>
    [JsonPropertyName("time")]
    public long Time { get; set; }

    /// <summary>Nanoseconds since 1970.</summary>
    [JsonPropertyName("timeNano")]
    public long TimeNano { get; set; }
}

internal sealed class EventActor
{
    public string ID { get; set; } = "";

    public Dictionary<string, string> Attributes { get; set; } = [];
}
