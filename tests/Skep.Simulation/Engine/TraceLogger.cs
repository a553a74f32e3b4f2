using Microsoft.Extensions.Logging;

namespace Skep.Simulation.Engine;

/// <summary>What the real code logs, among what happens.</summary>
internal sealed class TraceLogger(Trace trace, string name) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        trace.Write($"{name} [{logLevel}] {formatter(state, exception)}");
}
