using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Skep.Api.Routing;
using Skep.Api.Swarm.Events;
using Skep.Api.Swarm.Json;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/events: the local engine's stream and the cluster's events in one, message by message.</summary>
internal sealed class EventEndpoints(SwarmAccess swarm, SwarmEventLog events, TimeProvider time)
{
    /// <summary>A longer message of the engine ends the stream.</summary>
    private const int MaxMessageBytes = 1 << 20;

    public void Map(ApiRoutes routes) => routes.Map("GET", "/events", StreamAsync);

    private async Task StreamAsync(ApiContext context)
    {
        var since = context.UnixTime("since");
        var until = context.UnixTime("until");
        if (since > until)
            throw new ApiException(400, $"`since` time ({context.Query("since")}) cannot be after `until` time ({context.Query("until")})");
        var filter = new EventFilter(context.Filters());
        if (swarm.Store is null && swarm.Lifecycle.Status.State == LocalNodeState.Inactive && until <= time.GetUtcNow())
        {
            await context.ForwardAsync();
            return;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.Aborted);
        var (past, future) = events.Listen();
        try
        {
            // Opened before the answer begins, so that an engine's refusal still can be told.
            await using var local = context.Engine.IsConfigured
                ? await context.Engine.OpenStreamAsync($"/v{context.Version}/events{context.Http.Request.QueryString}", stop.Token)
                : null;
            var output = new EventWriter(await context.StartStreamAsync("application/json"));
            await context.Http.Response.Body.FlushAsync(stop.Token);
            if (since is not null || until is not null)
                await WritePastAsync(past, since, until, filter, output, stop.Token);
            if (until <= time.GetUtcNow())
            {
                if (local is not null)
                    await CopyLinesAsync(local, output, stop.Token);
                return;
            }
            await FollowAsync(local, future, until, filter, output, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The client has gone, or the time is up.
        }
        finally
        {
            events.Forget(future);
        }
    }

    private static async Task WritePastAsync(
        IReadOnlyList<Types.EventMessage> past, DateTimeOffset? since, DateTimeOffset? until, EventFilter filter, EventWriter output, CancellationToken cancellation)
    {
        foreach (var message in past)
        {
            var at = DateTimeOffset.UnixEpoch.AddTicks(message.TimeNano / 100);
            if ((since is null || at >= since) && (until is null || at <= until) && filter.Matches(message))
                await output.WriteAsync(message, cancellation);
        }
    }

    /// <summary>Until the time is up, the client goes, or the engine ends its part: then the client has to come anew.</summary>
    private async Task FollowAsync(
        Stream? local, Channel<Types.EventMessage> future, DateTimeOffset? until, EventFilter filter, EventWriter output, CancellationTokenSource stop)
    {
        List<Task> parts = [WriteSwarmEventsAsync(future, filter, output, stop.Token)];
        if (local is not null)
            parts.Add(CopyLinesAsync(local, output, stop.Token));
        if (until is { } end)
            parts.Add(Task.Delay(end - time.GetUtcNow(), time, stop.Token));
        var first = await Task.WhenAny(parts);
        await stop.CancelAsync();
        try
        {
            await Task.WhenAll(parts);
        }
        catch (OperationCanceledException)
        {
            // The others, which were told to stop.
        }
        await first;
    }

    private static async Task WriteSwarmEventsAsync(Channel<Types.EventMessage> future, EventFilter filter, EventWriter output, CancellationToken cancellation)
    {
        await foreach (var message in future.Reader.ReadAllAsync(cancellation))
        {
            if (filter.Matches(message))
                await output.WriteAsync(message, cancellation);
        }
    }

    /// <summary>The engine sends one message a line; lines are passed on whole, so that the two streams do not cut each other.</summary>
    private static async Task CopyLinesAsync(Stream from, EventWriter output, CancellationToken cancellation)
    {
        var buffer = new byte[16 * 1024];
        var length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length >= MaxMessageBytes)
                    return;
                Array.Resize(ref buffer, length * 2);
            }
            var n = await from.ReadAsync(buffer.AsMemory(length), cancellation);
            if (n == 0)
                return;
            length += n;
            var whole = buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
            if (whole == 0)
                continue;
            await output.WriteLinesAsync(buffer.AsMemory(0, whole), cancellation);
            buffer.AsSpan(whole, length - whole).CopyTo(buffer);
            length -= whole;
        }
    }

    /// <summary>One writer at a time.</summary>
    private sealed class EventWriter(Stream output)
    {
        private readonly SemaphoreSlim _turn = new(1);

        public Task WriteAsync(Types.EventMessage message, CancellationToken cancellation)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(message, GoJson.Options);
            byte[] line = [.. json, (byte)'\n'];
            return WriteLinesAsync(line, cancellation);
        }

        public async Task WriteLinesAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellation)
        {
            await _turn.WaitAsync(cancellation);
            try
            {
                await output.WriteAsync(lines, cancellation);
                await output.FlushAsync(cancellation);
            }
            finally
            {
                _turn.Release();
            }
        }
    }
}
