using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Skep.Api.Hosting;
using Skep.Api.Middleware;

namespace Skep.Api.Engine;

/// <summary>
/// Passes on requests that the engine may answer by turning the connection into a raw byte stream: those that ask for an
/// upgrade (attach, exec, build session, grpc, web sockets) and, from clients that ask for none, attach and exec start.
/// Each has a connection to the engine of its own, whose sending half is closed when the client closes its own.
/// </summary>
internal sealed class HijackForwarder(EngineAddress address, ILogger<HijackForwarder> log)
{
    /// <summary>Bodies of such requests are small JSON objects; they are read whole before the engine is asked.</summary>
    private const int MaxBodyBytes = 1 << 20;

    private static readonly string[] HopByHop = ["Connection", "Upgrade", "Keep-Alive", "Transfer-Encoding", "Proxy-Connection", "Content-Length", "Host", "Expect", "HTTP2-Settings"];

    public static bool IsCandidate(HttpRequest request)
    {
        if (request.Headers.Upgrade.Count > 0 && HasToken(request.Headers.Connection, "upgrade")) return true;
        if (!HttpMethods.IsPost(request.Method)) return false;
        var path = request.Path.Value ?? "";
        if (ApiVersion.TrySplit(path, out _, out var rest)) path = rest;
        var parts = path.Split('/');
        return parts is ["", "containers", _, "attach"] or ["", "exec", _, "start"];
    }

    public async Task ForwardAsync(HttpContext http)
    {
        var body = await ReadBodyAsync(http.Request);
        NetworkStream? engine = null;
        // A handler per stream: it makes exactly one connection, so the stream caught here is the one that carries the request.
        using var invoker = new HttpMessageInvoker(EngineHandler.Create(address, stream => engine = stream));
        using var request = Translate(http, body);

        HttpResponseMessage response;
        try
        {
            response = await invoker.SendAsync(request, http.RequestAborted);
        }
        catch (HttpRequestException e) when (EngineHandler.IsUnreachable(e))
        {
            throw new EngineUnavailableException(address, e);
        }
        catch (HttpRequestException e)
        {
            throw new ApiException(502, $"the Docker daemon at {address} broke off while answering: {e.Message}", e);
        }

        using (response)
        {
            if (!IsStream(response) || engine is null)
            {
                await CopyPlainAsync(response, http);
                return;
            }
            var connection = http.Features.Get<IHijackFeature>()
                ?? throw new InvalidOperationException("This connection cannot be taken over.");
            await using var output = await response.Content.ReadAsStreamAsync(http.RequestAborted);
            var client = connection.Hijack();
            CallTrace.Of(http).Hijacked((int)response.StatusCode);
            log.LogDebug("Raw stream for {Method} {Path} begins", http.Request.Method, http.Request.Path);
            try
            {
                await client.Output.WriteAsync(Head(response));
                await new HijackedStream(client, output, engine.Socket, connection.Cut).RunAsync();
            }
            finally
            {
                http.Abort();
            }
        }
    }

    private static HttpRequestMessage Translate(HttpContext http, byte[] body)
    {
        var request = new HttpRequestMessage(HttpMethod.Parse(http.Request.Method), EngineHandler.UriOf(RequestTarget.Of(http)));
        // Without content the client's Content-Type would have no place to go; GET has none.
        if (body.Length > 0 || !HttpMethods.IsGet(http.Request.Method)) request.Content = new ByteArrayContent(body);
        foreach (var (name, values) in http.Request.Headers)
        {
            if (HopByHop.Contains(name, StringComparer.OrdinalIgnoreCase)) continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        if (http.Request.Headers.Upgrade.Count > 0)
        {
            request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
            request.Headers.TryAddWithoutValidation("Upgrade", (IEnumerable<string?>)http.Request.Headers.Upgrade);
        }
        return request;
    }

    private static async Task<byte[]> ReadBodyAsync(HttpRequest request)
    {
        if (request.ContentLength is null && request.Headers.TransferEncoding.Count == 0) return [];
        if (request.ContentLength > MaxBodyBytes) throw TooLarge();
        using var body = new MemoryStream();
        var buffer = new byte[8192];
        int n;
        while ((n = await request.Body.ReadAsync(buffer, request.HttpContext.RequestAborted)) > 0)
        {
            if (body.Length + n > MaxBodyBytes) throw TooLarge();
            body.Write(buffer, 0, n);
        }
        return body.ToArray();

        static ApiException TooLarge() => new(413, $"the body of a request that opens a stream may hold at most {MaxBodyBytes} bytes");
    }

    // 101 says so. A 200 without any framing is a stream until its end, and the engine reads on from the connection (clients
    // that sent no Upgrade header).
    private static bool IsStream(HttpResponseMessage response) =>
        response.StatusCode == HttpStatusCode.SwitchingProtocols
        || (response.StatusCode == HttpStatusCode.OK
            && response.Content.Headers.ContentLength is null
            && response.Headers.TransferEncodingChunked is not true
            && response.Content.Headers.ContentType?.MediaType is "application/vnd.docker.raw-stream" or "application/vnd.docker.multiplexed-stream");

    private static byte[] Head(HttpResponseMessage response)
    {
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {(int)response.StatusCode} {response.ReasonPhrase}\r\n");
        foreach (var (name, values) in response.Headers.NonValidated)
            foreach (var value in values) head.Append(name).Append(": ").Append(value).Append("\r\n");
        foreach (var (name, values) in response.Content.Headers.NonValidated)
            foreach (var value in values) head.Append(name).Append(": ").Append(value).Append("\r\n");
        return Encoding.Latin1.GetBytes(head.Append("\r\n").ToString());
    }

    // The engine did not turn the connection into a stream: an error, mostly ("No such container").
    private static async Task CopyPlainAsync(HttpResponseMessage response, HttpContext http)
    {
        http.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.NonValidated)
            if (!HopByHop.Contains(name, StringComparer.OrdinalIgnoreCase)) http.Response.Headers[name] = values.ToArray();
        foreach (var (name, values) in response.Content.Headers.NonValidated) http.Response.Headers[name] = values.ToArray();
        await response.Content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private static bool HasToken(Microsoft.Extensions.Primitives.StringValues values, string token)
    {
        foreach (var value in values)
            foreach (var part in (value ?? "").Split(',', StringSplitOptions.TrimEntries))
                if (part.Equals(token, StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }
}
