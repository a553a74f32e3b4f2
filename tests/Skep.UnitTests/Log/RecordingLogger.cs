using Microsoft.Extensions.Logging;

namespace Skep.UnitTests.Log;

/// <summary>Keeps what was logged.</summary>
public sealed class RecordingLogger : ILogger
{
    private readonly List<(LogLevel Level, string Text)> _lines = [];

    public IReadOnlyList<string> Warnings => Lines(LogLevel.Warning);

    public IReadOnlyList<string> Lines(LogLevel level)
    {
        lock (_lines)
            return [.. _lines.Where(l => l.Level == level).Select(l => l.Text)];
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add((logLevel, formatter(state, exception)));
    }
}
