using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Skep.Api.Engine;

/// <summary>How HTTP reaches the engine: over its unix socket, with nothing added, decoded or followed on the way.</summary>
internal static class EngineHandler
{
    /// <summary>The host is a mere word: connections go to the socket whatever it says.</summary>
    public static readonly Uri BaseAddress = new("http://docker");

    /// <summary>Request bodies and answers are passed as they are; connections are kept for the next request.</summary>
    /// <param name="connected">Told the stream of each new connection.</param>
    public static SocketsHttpHandler Create(EngineAddress address, Action<NetworkStream>? connected = null) => new()
    {
        ConnectCallback = async (_, cancellationToken) =>
        {
            var stream = await address.ConnectAsync(cancellationToken);
            connected?.Invoke(stream);
            return stream;
        },
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
    };

    /// <summary>The path and query go over exactly as given: names may hold escapes that must not be normalised.</summary>
    /// <exception cref="ApiException">400 when it is no path.</exception>
    public static Uri UriOf(string pathAndQuery)
    {
        var exact = new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true };
        if (pathAndQuery.StartsWith('/') && Uri.TryCreate("http://docker" + pathAndQuery, in exact, out var uri)) return uri;
        throw new ApiException(400, "the request path is malformed");
    }

    /// <summary>True when no connection came about: the request never reached the engine.</summary>
    public static bool IsUnreachable(HttpRequestException e) =>
        e.HttpRequestError == HttpRequestError.ConnectionError || e.InnerException is SocketException { SocketErrorCode: not SocketError.ConnectionReset };
}
