using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Skep.Api.Logging;

/// <summary>The log of a Skep program: lines on stderr, written in the background, never by the caller.</summary>
public static class SkepLogging
{
    /// <summary>Disposing the factory writes out what waits.</summary>
    public static ILoggerFactory CreateFactory(LogLevel level, LogFormat format, TimeProvider? time = null) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(level);
        // The frameworks speak when something is wrong; what they do otherwise is told by our own lines.
        builder.AddFilter("Microsoft", level > LogLevel.Warning ? level : LogLevel.Warning);
        // Whatever it may log, ASP.NET makes an Activity for every call: for each heartbeat and status of every engine. What fails is logged by Kestrel.
        builder.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.AddFilter("Yarp", level > LogLevel.Warning ? level : LogLevel.Error);
        builder.AddFilter("Grpc", level > LogLevel.Warning ? level : LogLevel.Warning);
        builder.Services.AddSingleton<ConsoleFormatter>(new LineFormatter(format, time ?? TimeProvider.System));
        builder.AddConsole(o =>
        {
            o.FormatterName = LineFormatter.NameOf(format);
            o.LogToStandardErrorThreshold = LogLevel.Trace;
            o.MaxQueueLength = 4096;
            // A stalled terminal or pipe must not stall the daemon.
            o.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
    });
}
