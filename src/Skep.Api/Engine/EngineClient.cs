using System.Net.Mime;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Skep.Api.Engine;

/// <summary><see cref="IEngineClient"/> over the engine's unix socket.</summary>
public sealed class EngineClient : IEngineClient, IDisposable
{
    private const int MaxResponseBytes = 64 << 20;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan VersionTimeout = TimeSpan.FromSeconds(3);

    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private ApiVersionBox? _versions;

    public EngineClient(EngineAddress address, TimeProvider? time = null)
    {
        Address = address;
        _time = time ?? TimeProvider.System;
        _http = new HttpClient(EngineHandler.Create(address))
        {
            BaseAddress = EngineHandler.BaseAddress,
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxResponseBytes,
        };
    }

    public EngineAddress Address { get; }

    public bool IsConfigured => Address.SocketPath is not null;

    public async ValueTask<ApiVersionRange> GetApiVersionsAsync(CancellationToken cancellationToken = default)
    {
        if (_versions is { } known) return known.Range;
        if (!IsConfigured) return ApiVersionRange.WithoutEngine;
        try
        {
            Learn(await GetJsonAsync("/version", VersionTimeout, cancellationToken));
        }
        catch (ApiException)
        {
            return ApiVersionRange.WithoutEngine;
        }
        return _versions?.Range ?? ApiVersionRange.WithoutEngine;
    }

    /// <summary>Takes note of what an answer of the engine's /version says: it may have been upgraded since.</summary>
    internal void Learn(JsonNode? version)
    {
        if (ApiVersion.TryParse((string?)version?["ApiVersion"] ?? "", out var max)
            && ApiVersion.TryParse((string?)version?["MinAPIVersion"] ?? "", out var min))
            _versions = new ApiVersionBox(new ApiVersionRange(min, max));
    }

    public async Task<EngineResponse> SendAsync(HttpRequestMessage request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, timeout ?? DefaultTimeout, cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    public async Task<JsonNode?> GetJsonAsync(string pathAndQuery, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, EngineHandler.UriOf(pathAndQuery));
        return (await SendAsync(request, timeout, cancellationToken)).EnsureSuccess().Json;
    }

    public async Task<JsonNode?> PostJsonAsync(string pathAndQuery, JsonNode? body, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, EngineHandler.UriOf(pathAndQuery));
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, MediaTypeNames.Application.Json);
        return (await SendAsync(request, timeout, cancellationToken)).EnsureSuccess().Json;
    }

    public async Task<Stream> OpenStreamAsync(string pathAndQuery, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, EngineHandler.UriOf(pathAndQuery));
        var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, DefaultTimeout, cancellationToken);
        if (response.IsSuccessStatusCode) return await response.Content.ReadAsStreamAsync(cancellationToken);
        using (response) throw (await ReadAsync(response, cancellationToken)).Refusal!;
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!IsConfigured) throw new EngineUnavailableException(Address);
        using var deadline = new CancellationTokenSource(timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await _http.SendAsync(request, completion, either.Token);
        }
        catch (HttpRequestException e) when (EngineHandler.IsUnreachable(e))
        {
            throw new EngineUnavailableException(Address, e);
        }
        catch (HttpRequestException e)
        {
            throw new ApiException(502, $"the Docker daemon at {Address} gave no usable answer: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ApiException(504, $"the Docker daemon at {Address} did not answer within {timeout.TotalSeconds:0.#} s", e);
        }
    }

    private static async Task<EngineResponse> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in response.Headers.NonValidated) headers[name] = values.ToString();
        foreach (var (name, values) in response.Content.Headers.NonValidated) headers[name] = values.ToString();
        return new EngineResponse((int)response.StatusCode, ParseOrNull(text), text, headers);
    }

    private static JsonNode? ParseOrNull(string text)
    {
        if (text.Length == 0) return null;
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // A reference, so that it is read and replaced whole.
    private sealed record ApiVersionBox(ApiVersionRange Range);
}
