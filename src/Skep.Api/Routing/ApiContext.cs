using System.Net.Mime;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Skep.Api.Engine;
using Skep.Api.Hosting;

namespace Skep.Api.Routing;

/// <summary>
/// One call of an endpoint that skepd claims. A handler does one of three things: answer (<see cref="WriteJsonAsync"/>,
/// <see cref="WriteStatus"/>, <see cref="StartStreamAsync"/>), pass the call on to the local engine as it is (<see cref="ForwardAsync"/>),
/// or have the engine answer the same call and merge (<see cref="CallEngineAsync"/>).
/// </summary>
public sealed class ApiContext
{
    /// <summary>Room for a service spec or a config of 1000 KiB in base64.</summary>
    public const int DefaultMaxBodyBytes = 4 << 20;

    private readonly IReadOnlyDictionary<string, string> _values;
    private readonly EngineForwarder _forwarder;

    internal ApiContext(HttpContext http, ApiVersion version, string path, RouteMatch match, IEngineClient engine, EngineForwarder forwarder)
    {
        Http = http;
        Version = version;
        Path = path;
        Endpoint = match.Template;
        _values = match.Values;
        Engine = engine;
        _forwarder = forwarder;
    }

    public HttpContext Http { get; }

    /// <summary>The version that the client asked for; the engine's newest when it named none.</summary>
    public ApiVersion Version { get; }

    /// <summary>The decoded request path without the version prefix.</summary>
    public string Path { get; }

    /// <summary>The template that matched.</summary>
    public string Endpoint { get; }

    /// <summary>The local engine, for calls of one's own.</summary>
    public IEngineClient Engine { get; }

    /// <summary>Fires when the client has gone or the daemon stops.</summary>
    public CancellationToken Aborted => Http.RequestAborted;

    /// <summary>Value of a parameter of the template.</summary>
    public string this[string parameter] => _values[parameter];

    /// <summary>First value of a query parameter; null when absent.</summary>
    public string? Query(string name) => Http.Request.Query.TryGetValue(name, out var v) && v.Count > 0 ? v[0] : null;

    /// <summary>A flag as the Engine API reads them: absent, "", "0", "no", "false" and "none" are false, all else is true.</summary>
    public bool QueryFlag(string name) => Query(name)?.Trim().ToLowerInvariant() is not (null or "" or "0" or "no" or "false" or "none");

    /// <summary>The request's body. An empty body is <paramref name="ifEmpty"/>, or 400 where that is null.</summary>
    /// <exception cref="ApiException">400: not JSON, or not of this shape; 413: larger than <paramref name="maxBytes"/>.</exception>
    public async Task<T> ReadJsonAsync<T>(T? ifEmpty = null, int maxBytes = DefaultMaxBodyBytes, JsonSerializerOptions? options = null) where T : class
    {
        var body = await ReadBodyAsync(maxBytes);
        if (body.Length == 0) return ifEmpty ?? throw new ApiException(400, "invalid JSON: got EOF while reading request body");
        var type = Http.Request.ContentType?.Split(';')[0].Trim() ?? "";
        if (!type.Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase))
            throw new ApiException(400, $"unsupported Content-Type header ({type}): must be 'application/json'");
        try
        {
            return JsonSerializer.Deserialize<T>(body.GetBuffer().AsSpan(0, (int)body.Length), options ?? ApiJson.Options)
                ?? ifEmpty ?? throw new ApiException(400, "invalid JSON: null is no object");
        }
        catch (JsonException e)
        {
            throw new ApiException(400, "invalid JSON: " + e.Message.ReplaceLineEndings(" "), e);
        }
    }

    /// <summary>Answers with a JSON value.</summary>
    public async Task WriteJsonAsync<T>(T value, int statusCode = 200, JsonSerializerOptions? options = null)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(value, options ?? ApiJson.Options);
        Http.Response.StatusCode = statusCode;
        Http.Response.ContentType = MediaTypeNames.Application.Json;
        Http.Response.ContentLength = body.Length + 1;
        await Http.Response.Body.WriteAsync(body, Aborted);
        await Http.Response.Body.WriteAsync("\n"u8.ToArray(), Aborted);
    }

    /// <summary>Answers without a body, 200 and 204 mostly.</summary>
    public void WriteStatus(int statusCode) => Http.Response.StatusCode = statusCode;

    /// <summary>
    /// Sends the head of an answer that goes on; what is written to the stream is sent at once.
    /// </summary>
    public async Task<Stream> StartStreamAsync(string contentType, int statusCode = 200)
    {
        Http.Response.StatusCode = statusCode;
        Http.Response.ContentType = contentType;
        await Http.Response.Body.FlushAsync(Aborted); // starting alone would leave the head in the buffer
        return Http.Response.Body;
    }

    /// <summary>Passes the call on to the local engine, unchanged. The body must not have been read.</summary>
    public Task ForwardAsync()
    {
        Http.Response.Headers.Clear(); // the engine's own come
        return _forwarder.ForwardAsync(Http);
    }

    /// <summary>
    /// Sends the same call (method, path, query, headers, body) to the local engine and reads its whole answer, whatever
    /// its status. The body must not have been read.
    /// </summary>
    /// <param name="timeout">Null is 30 s.</param>
    public async Task<EngineResponse> CallEngineAsync(TimeSpan? timeout = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Parse(Http.Request.Method), EngineHandler.UriOf(RequestTarget.Of(Http)));
        if (Http.Request.ContentLength > 0 || Http.Request.Headers.TransferEncoding.Count > 0) request.Content = new StreamContent(Http.Request.Body);
        foreach (var (name, values) in Http.Request.Headers)
        {
            if (name is "Host" or "Connection" or "Upgrade" or "Transfer-Encoding" or "Expect" or "Keep-Alive") continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        return await Engine.SendAsync(request, timeout, Aborted);
    }

    private async Task<MemoryStream> ReadBodyAsync(int maxBytes)
    {
        var body = new MemoryStream();
        var buffer = new byte[8192];
        int n;
        while ((n = await Http.Request.Body.ReadAsync(buffer, Aborted)) > 0)
        {
            if (body.Length + n > maxBytes) throw new ApiException(413, $"the request body may hold at most {maxBytes} bytes");
            body.Write(buffer, 0, n);
        }
        return body;
    }
}
