using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Skep.Api.Hosting;
using Skep.Api.Logging;
using Skep.Daemon;

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

    try
    {
        await using var metrics = options.MetricsAddress is { } address ? new MetricsServer(address, logs) : null;
        if (metrics is not null) await metrics.StartAsync();
        await using var api = new ApiHost(
            new ApiHostOptions
            {
                Listen = options.Hosts,
                Tls = options.Tls is { } tls ? ServerTls.Load(tls.CaCert, tls.Cert, tls.Key) : null,
                Engine = options.Engine,
            },
            logs);
        await api.StartAsync();
        log.LogInformation("skepd {Version} is ready", ApiHost.ProductVersion);
        await stop.Task;
        log.LogInformation("Stopping");
        await api.StopAsync();
        return 0;
    }
    catch (ListenException e)
    {
        await Console.Error.WriteLineAsync("skepd: " + e.Message);
        return 1;
    }
}
