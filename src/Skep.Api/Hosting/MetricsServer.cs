using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Prometheus;

namespace Skep.Api.Hosting;

/// <summary>Serves GET /metrics in Prometheus' text format, and nothing else, on an address of its own.</summary>
public sealed class MetricsServer : IAsyncDisposable
{
    private const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Once for all servers: the registry is the process'.</summary>
    private static readonly Lazy<ProcessMetrics> s_process = new(() => new ProcessMetrics());

    private readonly WebApplication _app;
    private readonly IPEndPoint _endPoint;
    private readonly ILogger<MetricsServer> _log;

    public MetricsServer(IPEndPoint endPoint, ILoggerFactory logs)
    {
        _endPoint = endPoint;
        _log = logs.CreateLogger<MetricsServer>();
        // Every meter and event of .NET would be hundreds of series that nobody asked for.
        Prometheus.Metrics.SuppressDefaultMetrics(new SuppressDefaultMetricOptions { SuppressProcessMetrics = true, SuppressEventCounters = true, SuppressMeters = true });
        _ = s_process.Value;
        _app = WebServer.CreateBuilder(logs, TimeSpan.FromSeconds(1), k => k.Listen(endPoint, o => o.Protocols = HttpProtocols.Http1)).Build();
        _app.Run(AnswerAsync);
    }

    /// <exception cref="ListenException">The address cannot be served.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await _app.StartAsync(cancellationToken);
        _log.LogInformation("Metrics on {Address}", $"http://{_endPoint}/metrics");
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task AnswerAsync(HttpContext http)
    {
        if (http.Request.Path != "/metrics" || !HttpMethods.IsGet(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        http.Response.ContentType = ContentType;
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(http.Response.Body, http.RequestAborted);
    }
}
