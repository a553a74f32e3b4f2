using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Skep.UnitTests.Security;

/// <summary>Keeps what was logged, so that tests can ask for the line an operator would look for.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyList<string> All => [.. _lines];

    /// <summary>Waits (at most 10 s) for a line that has all the parts: the server may log after the client has seen the end.</summary>
    public async Task<string> ExpectAsync(params string[] parts)
    {
        for (var i = 0; i < 500; i++)
        {
            if (_lines.FirstOrDefault(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))) is { } found)
                return found;
            await Task.Delay(20);
        }
        Assert.Fail($"no log line with {string.Join(" and ", parts)} among:\n{string.Join('\n', _lines)}");
        return "";
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");

    public void Dispose()
    {
    }
}
