using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Skep.Dispatch;
using Skep.Manager;
using Skep.Security;

namespace Skep.Daemon.Swarm;

/// <summary>The cluster port (2377): where engines join, hold their sessions and get their tasks.</summary>
internal sealed class ClusterServer : IAsyncDisposable
{
    /// <summary>A status report of 10,000 tasks is some 3 MB.</summary>
    private const int MaxMessageBytes = 16 << 20;

    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(1);

    private readonly WebApplication _app;
    private readonly NodeSessions _sessions;
    private readonly NodeFeeds _feeds;
    private readonly StatusIntake _statuses;
    private readonly ManagerCertificateRenewal _renewal;
    private readonly CancellationTokenSource _closing = new();
    private Task _renewing = Task.CompletedTask;

    public ClusterServer(IPEndPoint listen, IManager manager, ManagerCertificate certificate, DispatchOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        _sessions = new NodeSessions(manager, options, time, random, loggers.CreateLogger<NodeSessions>());
        _feeds = new NodeFeeds(manager.Store);
        _statuses = new StatusIntake(manager, options, time, loggers.CreateLogger<StatusIntake>());
        _renewal = new ManagerCertificateRenewal(certificate, manager.Store, time, new Random(random.Next()), loggers.CreateLogger<ManagerCertificateRenewal>());

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // One engine holds one connection with a handful of streams.
            kestrel.Limits.Http2.MaxStreamsPerConnection = 64;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
            kestrel.Listen(listen, endpoint => endpoint.ApplicationServices.GetRequiredService<ClusterPort>().Configure(endpoint));
        });
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = DrainTime);
        builder.Services.AddClusterSecurity(manager, certificate, time)
            .AddServiceOptions<DispatcherService>(grpc => grpc.MaxReceiveMessageSize = MaxMessageBytes);
        builder.Services.AddSingleton(new DispatcherService(manager, _sessions, _feeds, _statuses, options, time, loggers.CreateLogger<DispatcherService>()));
        builder.Services.AddSingleton(new ResourceAllocatorService(manager));
        builder.Services.AddSingleton(new LogBrokerService());
        builder.Services.AddSingleton(new HealthService());
        builder.Services.AddSingleton(new ControlService());
        _app = builder.Build();
        _app.UseRouting();
        _app.MapClusterSecurity();
        _app.MapGrpcService<DispatcherService>();
        _app.MapGrpcService<ResourceAllocatorService>();
        _app.MapGrpcService<LogBrokerService>();
        _app.MapGrpcService<HealthService>();
        _app.MapGrpcService<ControlService>();
    }

    /// <exception cref="IOException">The port is taken.</exception>
    public async Task StartAsync()
    {
        await _app.StartAsync().ConfigureAwait(false);
        _sessions.ExpectNodes();
        _renewing = _renewal.RunAsync(_closing.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _renewing.ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
        // Ends the streams, so that the server has nothing to wait for.
        _sessions.Dispose();
        await _app.DisposeAsync().ConfigureAwait(false);
        await _statuses.DisposeAsync().ConfigureAwait(false);
        _feeds.Dispose();
        _closing.Dispose();
    }
}
