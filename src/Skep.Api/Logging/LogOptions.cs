using Microsoft.Extensions.Logging;

namespace Skep.Api.Logging;

/// <summary>Form of the log's lines.</summary>
public enum LogFormat
{
    /// <summary>"2026-11-24T06:03:02.123Z INF ApiHost message key=value".</summary>
    Text,

    /// <summary>One JSON object a line.</summary>
    Json,
}

/// <summary>Log levels by dockerd's names.</summary>
public static class LogLevels
{
    public static readonly IReadOnlyList<string> Names = ["debug", "info", "warn", "error", "fatal"];

    /// <summary>The level of that name; null for any other word.</summary>
    public static LogLevel? Find(string name) => name switch
    {
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "warn" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "fatal" => LogLevel.Critical,
        _ => null,
    };
}
