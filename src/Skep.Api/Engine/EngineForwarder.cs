using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Skep.Api.Hosting;
using Yarp.ReverseProxy.Forwarder;

namespace Skep.Api.Engine;

/// <summary>
/// Passes a request on to the local engine and its answer back, as they are: any size, any duration, nothing buffered.
/// Requests that turn into a raw byte stream go through <see cref="HijackForwarder"/>.
/// </summary>
public sealed class EngineForwarder : IDisposable
{
    // An answer may be silent for days (events, wait, logs -f): only the two ends decide when it is over.
    private static readonly ForwarderRequestConfig Patient = new() { ActivityTimeout = Timeout.InfiniteTimeSpan, AllowResponseBuffering = false };

    private readonly EngineAddress _address;
    private readonly IHttpForwarder _forwarder;
    private readonly HijackForwarder _hijack;
    private readonly HttpMessageInvoker _invoker;
    private readonly ILogger<EngineForwarder> _log;

    public EngineForwarder(EngineAddress address, IHttpForwarder forwarder, ILoggerFactory logs)
    {
        _address = address;
        _forwarder = forwarder;
        _hijack = new HijackForwarder(address, logs.CreateLogger<HijackForwarder>());
        _invoker = new HttpMessageInvoker(EngineHandler.Create(address));
        _log = logs.CreateLogger<EngineForwarder>();
    }

    /// <exception cref="EngineUnavailableException">There is no engine, or it is down.</exception>
    public async Task ForwardAsync(HttpContext http)
    {
        if (_address.SocketPath is null) throw new EngineUnavailableException(_address);
        if (HijackForwarder.IsCandidate(http.Request))
        {
            await _hijack.ForwardAsync(http);
            return;
        }

        var error = await _forwarder.SendAsync(http, EngineHandler.BaseAddress.AbsoluteUri, _invoker, Patient, AsTheyAre.Instance);
        if (error == ForwarderError.None || http.RequestAborted.IsCancellationRequested) return;

        var cause = http.GetForwarderErrorFeature()?.Exception;
        _log.LogDebug("Passing on {Method} {Path} failed: {Error} {Cause}", http.Request.Method, http.Request.Path, error, cause?.Message);
        if (http.Response.HasStarted)
        {
            http.Abort(); // a cut answer must not look like a whole one
            return;
        }
        http.Response.Clear();
        if (cause is BadHttpRequestException bad) throw bad;
        if (cause is ApiException refusal) throw refusal;
        if (cause is HttpRequestException e && EngineHandler.IsUnreachable(e)) throw new EngineUnavailableException(_address, e);
        throw new ApiException(502, $"the Docker daemon at {_address} broke off while answering: {cause?.Message ?? error.ToString()}", cause);
    }

    public void Dispose() => _invoker.Dispose();

    /// <summary>Request target and headers unchanged; answer heads are sent on before any of the body comes.</summary>
    private sealed class AsTheyAre : HttpTransformer
    {
        public static readonly AsTheyAre Instance = new();

        public override async ValueTask TransformRequestAsync(HttpContext http, HttpRequestMessage request, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(http, request, destinationPrefix, cancellationToken);
            request.RequestUri = EngineHandler.UriOf(RequestTarget.Of(http));
        }

        public override async ValueTask<bool> TransformResponseAsync(HttpContext http, HttpResponseMessage? response, CancellationToken cancellationToken)
        {
            var copyBody = await base.TransformResponseAsync(http, response, cancellationToken);
            // "docker run" starts the container only when it has the head of the answer to its wait.
            if (response is not null && response.Content.Headers.ContentLength is null) await http.Response.Body.FlushAsync(cancellationToken);
            return copyBody;
        }
    }
}
