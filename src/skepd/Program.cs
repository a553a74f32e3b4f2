using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;
using Skep.Api.Engine;
using Skep.Api.Hosting;
using Skep.Api.Logging;
using Skep.Api.Routing;
using Skep.Api.Swarm;
using Skep.Daemon;
using Skep.Daemon.Swarm;
using Skep.Dispatch;

return await new CommandLine().RunAsync(args, RunAsync, Console.Out, Console.Error);

static async Task<int> RunAsync(Options options)
{
    MallocArenas.Few();
    // One thread a processor is the default: then a few long steps hold up all short ones, with processors to spare or without.
    ThreadPool.GetMinThreads(out var threads, out var completionThreads);
    ThreadPool.SetMinThreads(Math.Max(threads, 8), completionThreads);

    using var logs = SkepLogging.CreateFactory(options.LogLevel, options.LogFormat);
    var log = logs.CreateLogger("skepd");

    var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true; // we end ourselves, in order
        stop.TrySetResult();
    }
    using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);

    Exception? failure = null;
    try
    {
        await using var metrics = options.MetricsAddress is { } address ? new MetricsServer(address, logs) : null;
        if (metrics is not null) await metrics.StartAsync();
        using var memory = new IdleMemory(TimeProvider.System);
        using var engine = new EngineClient(options.Engine);
        await using var node = new ManagerNode(options.DataDir, new LocalEngine(engine), new DispatchOptions(), TimeProvider.System, logs);
        node.Failed += fault =>
        {
            failure = fault;
            stop.TrySetResult();
        };
        await node.StartAsync(CancellationToken.None);
        var routes = new ApiRoutes();
        using var swarm = new SwarmApi(node, routes, new ServiceLogs(() => node.Logs), TimeProvider.System, new StateBackups(node, TimeProvider.System));
        await using var api = new ApiHost(
            new ApiHostOptions
            {
                Listen = options.Hosts,
                Tls = options.Tls is { } tls ? ServerTls.Load(tls.CaCert, tls.Cert, tls.Key) : null,
                Engine = options.Engine,
                Routes = routes,
                Swarm = swarm.Info,
            },
            logs);
        await api.StartAsync();
        log.LogInformation("skepd {Version} is ready", ApiHost.ProductVersion);
        // Does nothing where systemd did not start us.
        var systemd = new SystemdNotifier();
        systemd.Notify(ServiceState.Ready);
        await stop.Task;
        log.LogInformation("Stopping");
        systemd.Notify(ServiceState.Stopping);
        await api.StopAsync();
        if (failure is null) return 0;
        await Console.Error.WriteLineAsync("skepd: " + StartFailure.Describe(failure));
        return 1;
    }
    catch (Exception e) when (StartFailure.IsExpected(e))
    {
        await Console.Error.WriteLineAsync("skepd: " + StartFailure.Describe(e));
        return 1;
    }
}
