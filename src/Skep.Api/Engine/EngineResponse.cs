using System.Text.Json.Nodes;

namespace Skep.Api.Engine;

/// <summary>A whole answer of the engine, read into memory.</summary>
/// <param name="StatusCode">HTTP status code.</param>
/// <param name="Json">The body, null when it was empty or not JSON.</param>
/// <param name="Text">The body as text.</param>
/// <param name="Headers">All headers, names case-insensitive, several values joined with ", ".</param>
public sealed record EngineResponse(int StatusCode, JsonNode? Json, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public bool IsSuccess => StatusCode is >= 200 and < 300;

    /// <summary>The engine's refusal, with its status code and its message; null for a success.</summary>
    public ApiException? Refusal
    {
        get
        {
            if (IsSuccess) return null;
            var message = Json is JsonObject o && o["message"] is JsonValue v && v.TryGetValue<string>(out var text) ? text : Text.Trim();
            return new ApiException(StatusCode is >= 400 and < 600 ? StatusCode : 502, message.Length > 0 ? message : $"the Docker daemon answered {StatusCode}");
        }
    }

    /// <summary>The same answer if it is a success.</summary>
    /// <exception cref="ApiException"><see cref="Refusal"/>.</exception>
    public EngineResponse EnsureSuccess() => Refusal is { } refusal ? throw refusal : this;
}
