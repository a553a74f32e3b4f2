using System.Text.Json.Nodes;

namespace Skep.Api.Engine;

/// <summary>
/// Calls of skepd's own to the local engine's API. Paths are given with query and, unless said otherwise, without
/// version prefix ("/info", "/networks?filters=…"): the engine then takes its newest version.
/// Every call throws <see cref="EngineUnavailableException"/> when the engine cannot be reached, and
/// <see cref="ApiException"/> 504 when it does not answer in time.
/// </summary>
public interface IEngineClient
{
    EngineAddress Address { get; }

    /// <summary>False with <c>--engine none</c>.</summary>
    bool IsConfigured { get; }

    /// <summary>
    /// The API versions that the engine speaks, as last heard. Asks it when nothing is known yet; while it has never been
    /// reached, <see cref="ApiVersionRange.WithoutEngine"/>. Never throws for an engine that is down.
    /// </summary>
    ValueTask<ApiVersionRange> GetApiVersionsAsync(CancellationToken cancellationToken = default);

    /// <summary>Sends a request and reads the whole answer, whatever its status. At most 64 MiB.</summary>
    /// <param name="timeout">For the whole exchange; null is 30 s.</param>
    Task<EngineResponse> SendAsync(HttpRequestMessage request, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>GET; a refusal of the engine is thrown as <see cref="ApiException"/> with its status and message.</summary>
    Task<JsonNode?> GetJsonAsync(string pathAndQuery, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>POST with a JSON body (null: none); a refusal is thrown like that of <see cref="GetJsonAsync"/>.</summary>
    Task<JsonNode?> PostJsonAsync(string pathAndQuery, JsonNode? body, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// GET of an endless answer such as /events. Times out only until the answer's head is there; then bytes come as the
    /// engine sends them until the stream is disposed or <paramref name="cancellationToken"/> fires.
    /// </summary>
    Task<Stream> OpenStreamAsync(string pathAndQuery, CancellationToken cancellationToken = default);
}
