using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using Skep.Api;
using Skep.Api.Swarm.Logs;
using Skep.Dispatch.Logs;
using Skep.Manager;

namespace Skep.Daemon.Swarm;

/// <summary>The logs as the API reads them, from the broker of the manager that runs now.</summary>
/// <param name="logs">The broker; null while this daemon manages no cluster.</param>
internal sealed class ServiceLogs(Func<ILogReader?> logs) : IServiceLogs
{
    public async IAsyncEnumerable<ServiceLogMessage> ReadAsync(ServiceLogQuery query, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var reader = logs() ?? throw new ApiException(503, "the manager is not ready to read logs; try again in a moment");
        await using var messages = reader.ReadAsync(SelectorOf(query), OptionsOf(query), cancellation).GetAsyncEnumerator(CancellationToken.None);
        while (await MoveNextAsync(messages).ConfigureAwait(false))
            yield return ToApi(messages.Current);
    }

    private static async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<Wire.LogMessage> messages)
    {
        try
        {
            return await messages.MoveNextAsync().ConfigureAwait(false);
        }
        catch (LogsIncompleteException incomplete)
        {
            // As stock's daemon passes it on.
            throw new ApiException(500, $"rpc error: code = Unknown desc = {incomplete.Message}", incomplete);
        }
        catch (ControlException refusal)
        {
            throw new ApiException(503, $"rpc error: code = Unavailable desc = {refusal.Message}", refusal);
        }
    }

    private static Wire.LogSelector SelectorOf(ServiceLogQuery query) => new() { ServiceIds = { query.ServiceIds }, TaskIds = { query.TaskIds } };

    private static Wire.LogSubscriptionOptions OptionsOf(ServiceLogQuery query)
    {
        var options = new Wire.LogSubscriptionOptions
        {
            Follow = query.Follow,
            // SwarmKit counts lines from the end downwards from -1, which is none; 0 is all.
            Tail = query.Tail is { } lines ? -1 - lines : 0,
            Since = query.Since is { } since ? Timestamp.FromDateTimeOffset(since) : null,
        };
        if (query.Stdout)
            options.Streams.Add(Wire.LogStream.Stdout);
        if (query.Stderr)
            options.Streams.Add(Wire.LogStream.Stderr);
        return options;
    }

    private static ServiceLogMessage ToApi(Wire.LogMessage message) => new()
    {
        ServiceId = message.Context.ServiceId,
        NodeId = message.Context.NodeId,
        TaskId = message.Context.TaskId,
        IsStderr = message.Stream == Wire.LogStream.Stderr,
        Timestamp = message.Timestamp,
        Attributes = [.. message.Attrs.Select(attribute => KeyValuePair.Create(attribute.Key, attribute.Value))],
        Data = message.Data.Memory,
    };
}
