using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Skep.Dispatch;
using Skep.Dispatch.Leader;
using Skep.Dispatch.Logs;
using Skep.Log;
using Skep.Log.Transport;
using Skep.Manager;
using Skep.Security;

namespace Skep.Daemon.Swarm;

/// <summary>The cluster port (2377): where engines join, hold their sessions and get their tasks.</summary>
internal sealed class ClusterServer : IAsyncDisposable
{
    /// <summary>A status report of 10,000 tasks is some 3 MB.</summary>
    private const int MaxMessageBytes = 16 << 20;

    /// <summary>A line of a log is 16 KB in stock's drivers; those of others send up to 1 MB.</summary>
    private const int MaxLogMessageBytes = 2 << 20;

    /// <summary>One engine holds one connection: its session's few streams, and one for every reader of logs.</summary>
    private const int MaxStreams = 96;

    /// <summary>Bytes that a stream may send ahead of what was read.</summary>
    private const int StreamWindow = 128 << 10;

    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(1);

    private readonly WebApplication _app;
    private readonly NodeSessions _sessions;
    private readonly CutOff _cutOff;
    private readonly NodeFeeds _feeds;
    private readonly SessionBalance _balance;
    private readonly StatusIntake _statuses;
    private readonly LogBroker _logs;
    private readonly ManagerCertificateRenewal _renewal;
    private readonly CancellationTokenSource _closing = new();
    private Task _renewing = Task.CompletedTask;

    public ClusterServer(IPEndPoint listen, ManagerService manager, ManagerPeers peers, Replica replica, ulong raftId, ManagerCertificate certificate, DispatchOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        _sessions = new NodeSessions(manager, options, time, random, loggers.CreateLogger<NodeSessions>());
        _cutOff = new CutOff(peers, _sessions, time, loggers.CreateLogger<CutOff>());
        _feeds = new NodeFeeds(manager.Store);
        _balance = new SessionBalance(manager, _sessions, _feeds, options, time, loggers.CreateLogger<SessionBalance>());
        _statuses = new StatusIntake(manager, options, time, loggers.CreateLogger<StatusIntake>());
        _logs = new LogBroker(manager.Store, options, time, new Random(random.Next()), peers);

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // Managers make TLS themselves (ManagerChannel), and their client then speaks of "http".
            kestrel.AllowAlternateSchemes = true;
            kestrel.Limits.Http2.MaxStreamsPerConnection = MaxStreams;
            // Streams of logs wait for slow readers: all of them together must never hold up a heartbeat on the same connection.
            kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindow;
            kestrel.Limits.Http2.InitialConnectionWindowSize = StreamWindow * MaxStreams;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
            kestrel.Listen(listen, endpoint => endpoint.ApplicationServices.GetRequiredService<ClusterPort>().Configure(endpoint));
        });
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = DrainTime);
        builder.Services.AddClusterSecurity(manager, certificate, id => replica.Membership.Contains(id), time)
            .AddServiceOptions<DispatcherService>(grpc => grpc.MaxReceiveMessageSize = MaxMessageBytes)
            .AddServiceOptions<RaftService>(grpc => grpc.MaxReceiveMessageSize = RaftService.MaxMessageBytes)
            .AddServiceOptions<LeaderService>(grpc => grpc.MaxReceiveMessageSize = MaxMessageBytes)
            .AddServiceOptions<LogBrokerService>(grpc => grpc.MaxReceiveMessageSize = MaxLogMessageBytes);
        builder.Services.AddSingleton(new DispatcherService(manager, _sessions, _feeds, _statuses, options, time, loggers.CreateLogger<DispatcherService>()));
        builder.Services.AddSingleton(new ResourceAllocatorService(manager));
        builder.Services.AddSingleton(new LogBrokerService(_logs));
        builder.Services.AddSingleton(new ManagerLogsService(manager, _logs, options, time));
        builder.Services.AddSingleton(new HealthService());
        builder.Services.AddSingleton(new ControlService());
        builder.Services.AddSingleton(new RaftService(replica, raftId, loggers.CreateLogger<RaftService>()));
        builder.Services.AddSingleton(new LeaderService(manager));
        _app = builder.Build();
        _renewal = new ManagerCertificateRenewal(
            certificate, manager, _app.Services.GetRequiredService<CertificateSigner>(), time, new Random(random.Next()), loggers.CreateLogger<ManagerCertificateRenewal>());
        _app.UseRouting();
        _app.MapClusterSecurity();
        _app.MapGrpcService<DispatcherService>();
        _app.MapGrpcService<ResourceAllocatorService>();
        _app.MapGrpcService<LogBrokerService>();
        _app.MapGrpcService<ManagerLogsService>();
        _app.MapGrpcService<HealthService>();
        _app.MapGrpcService<ControlService>();
        _app.MapGrpcService<RaftService>();
        _app.MapGrpcService<LeaderService>();
    }

    /// <summary>The logs of tasks, from the engines that are connected here and to the other managers.</summary>
    public ILogReader Logs => _logs;

    /// <exception cref="IOException">The port is taken.</exception>
    public async Task StartAsync()
    {
        await _app.StartAsync().ConfigureAwait(false);
        _renewing = _renewal.RunAsync(_closing.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _renewing.ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
        // Ends the streams, so that the server has nothing to wait for.
        _balance.Dispose();
        _cutOff.Dispose();
        _sessions.Dispose();
        _logs.Dispose();
        await _app.DisposeAsync().ConfigureAwait(false);
        await _statuses.DisposeAsync().ConfigureAwait(false);
        _feeds.Dispose();
        _closing.Dispose();
    }
}
