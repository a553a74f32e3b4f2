using System.Runtime.InteropServices;
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
        using var engine = new EngineClient(options.Engine);
        await using var node = new ManagerNode(options.DataDir, new LocalEngine(engine), new DispatchOptions(), TimeProvider.System, logs);
        node.Failed += fault =>
        {
            failure = fault;
            stop.TrySetResult();
        };
        await node.StartAsync(CancellationToken.None);
        var routes = new ApiRoutes();
        using var swarm = new SwarmApi(node, routes);
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
        await stop.Task;
        log.LogInformation("Stopping");
        await api.StopAsync();
        return failure is null ? 0 : 1;
    }
    catch (ListenException e)
    {
        await Console.Error.WriteLineAsync("skepd: " + e.Message);
        return 1;
    }
}
