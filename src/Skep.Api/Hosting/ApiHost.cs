using System.Net;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Skep.Api.Endpoints;
using Skep.Api.Engine;
using Skep.Api.Middleware;
using Skep.Api.Routing;
using Yarp.ReverseProxy.Forwarder;

namespace Skep.Api.Hosting;

/// <summary>
/// Serves the Docker Engine API on unix sockets and TCP: claimed endpoints by their handlers, all else by the local engine. Started and stopped once.
/// </summary>
public sealed class ApiHost : IAsyncDisposable
{
    /// <summary>As Go's servers allow for a request's line and headers together: registry credentials and build arguments travel in them.</summary>
    private const int MaxHeadBytes = 1 << 20;

    /// <summary>Of an answer so much may wait for its client: the list of 5,000 nodes is 8 MB, and with the usual 64 KB whoever makes it waits for the client 120 times.</summary>
    private const int MaxResponseBufferBytes = 1 << 20;

    private readonly ApiHostOptions _options;
    private readonly WebApplication _app;
    private readonly EngineClient _engine;
    private readonly EngineForwarder _forwarder;
    private readonly ILogger<ApiHost> _log;
    private bool _started;

    public ApiHost(ApiHostOptions options, ILoggerFactory logs)
    {
        if (options.Listen.Count == 0) throw new ArgumentException("There is no address to listen on.", nameof(options));
        _options = options;
        _log = logs.CreateLogger<ApiHost>();
        _engine = new EngineClient(options.Engine, options.Time);

        var builder = WebServer.CreateBuilder(logs, options.DrainTime, Configure);
        builder.Services.AddHttpForwarder();
        _app = builder.Build();
        _forwarder = new EngineForwarder(options.Engine, _app.Services.GetRequiredService<IHttpForwarder>(), logs);

        new SystemEndpoints(_engine, options.Swarm, ProductVersion).Map(options.Routes);
        var dispatcher = new ApiDispatcher(options.Routes, _engine, _forwarder, ProductVersion);
        _app.Use(next => new CallMetrics(next, options.Time, logs.CreateLogger<CallMetrics>()).InvokeAsync);
        _app.Use(next => new ErrorAnswers(next, logs.CreateLogger<ErrorAnswers>()).InvokeAsync);
        _app.Run(dispatcher.InvokeAsync);
    }

    /// <summary>Skep's version, without build metadata.</summary>
    public static string ProductVersion { get; } =
        typeof(ApiHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    /// <summary>The client of the local engine that this host uses, for others in the process.</summary>
    public IEngineClient Engine => _engine;

    /// <summary>TCP addresses served, with the ports that the kernel chose; after <see cref="StartAsync"/>.</summary>
    public IReadOnlyList<IPEndPoint> TcpEndPoints =>
        [.. (_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [])
            .Select(a => new Uri(a)).Where(u => IPAddress.TryParse(u.Host.Trim('[', ']'), out _))
            .Select(u => new IPEndPoint(IPAddress.Parse(u.Host.Trim('[', ']')), u.Port))];

    /// <summary>Returns when all addresses are served.</summary>
    /// <exception cref="ListenException">One cannot be; none is served then.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        _started = true;
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (IOException e)
        {
            throw new ListenException(e.Message.ReplaceLineEndings(" "), e);
        }
        foreach (var address in _options.Listen) _log.LogInformation("API listen on {Address}", address.ToString());
    }

    /// <summary>
    /// Takes no more calls, waits for those under way for <see cref="ApiHostOptions.DrainTime"/>, cuts the rest (streams, hijacked
    /// connections) and removes the socket files. Takes at most two seconds more than that.
    /// </summary>
    public async Task StopAsync()
    {
        if (!_started) return;
        _started = false;
        using var drain = new CancellationTokenSource(_options.DrainTime, _options.Time);
        try
        {
            await _app.StopAsync(drain.Token);
        }
        catch (OperationCanceledException)
        {
            // The time is up: what was still open has been cut.
        }
        foreach (var unix in _options.Listen.OfType<ListenAddress.Unix>()) UnixSocketFile.Remove(unix.Path);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _app.DisposeAsync();
        _forwarder.Dispose();
        _engine.Dispose();
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        // Images of gigabytes and logs that nobody reads for hours are the daily business here.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxResponseBufferSize = MaxResponseBufferBytes;
        kestrel.Limits.MaxRequestBufferSize = 2 * MaxHeadBytes;
        kestrel.Limits.MaxRequestLineSize = MaxHeadBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeadBytes;
        kestrel.Limits.MaxRequestHeaderCount = 500;

        foreach (var address in _options.Listen)
        {
            switch (address)
            {
                case ListenAddress.Unix unix:
                    kestrel.ListenUnixSocket(unix.Path, o => Plain(o));
                    break;
                case ListenAddress.Tcp tcp:
                    kestrel.Listen(tcp.Address, tcp.Port, o =>
                    {
                        if (_options.Tls is { } tls) o.UseHttps(tls.Configure);
                        Plain(o);
                    });
                    break;
            }
        }

        static void Plain(ListenOptions o)
        {
            o.Protocols = HttpProtocols.Http1;
            o.Use(HijackableConnection.Middleware);
        }
    }
}
