using Google.Protobuf.WellKnownTypes;

namespace Skep.Api.Swarm.Logs;

/// <summary>The logs of tasks, from the engines that run them.</summary>
public interface IServiceLogs
{
    /// <summary>
    /// Messages as they come; ends when all engines have sent what they have (without follow), or when cancelled. A failure of one
    /// engine is thrown after the others' messages, as an <see cref="ApiException"/> whose message is shown.
    /// </summary>
    IAsyncEnumerable<ServiceLogMessage> ReadAsync(ServiceLogQuery query, CancellationToken cancellation);
}

/// <summary>Whose logs, and which of them. One of the two id lists is not empty; the ids are whole.</summary>
public sealed record ServiceLogQuery
{
    public IReadOnlyList<string> ServiceIds { get; init; } = [];

    public IReadOnlyList<string> TaskIds { get; init; } = [];

    public bool Follow { get; init; }

    /// <summary>Lines of each task from its end; null: all.</summary>
    public long? Tail { get; init; }

    public DateTimeOffset? Since { get; init; }

    public bool Stdout { get; init; }

    public bool Stderr { get; init; }
}

/// <summary>One line of a task's log.</summary>
public sealed record ServiceLogMessage
{
    public required string ServiceId { get; init; }

    public required string NodeId { get; init; }

    public required string TaskId { get; init; }

    public bool IsStderr { get; init; }

    public Timestamp? Timestamp { get; init; }

    /// <summary>What the log driver adds (labels, env).</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Attributes { get; init; } = [];

    /// <summary>The line, with its end of line.</summary>
    public required ReadOnlyMemory<byte> Data { get; init; }
}
