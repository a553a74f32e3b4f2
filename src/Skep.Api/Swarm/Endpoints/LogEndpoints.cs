using System.Globalization;
using Skep.Api.Routing;
using Skep.Api.Swarm.Logs;
using Skep.Api.Swarm.Requests;
using Skep.State;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/services/{id}/logs and /tasks/{id}/logs.</summary>
/// <param name="swarm">The cluster.</param>
/// <param name="logs">Null: not there (yet); answered with 501.</param>
internal sealed class LogEndpoints(SwarmAccess swarm, IServiceLogs? logs)
{
    /// <summary>Clients of this version and newer are told by the content type whether the stream is framed.</summary>
    private static readonly ApiVersion TellsFraming = new(1, 42);

    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/services/{id}/logs", ServiceLogsAsync)
        .Map("GET", "/tasks/{id}/logs", TaskLogsAsync);

    private Task ServiceLogsAsync(ApiContext context)
    {
        var query = QueryOf(context);
        var service = swarm.Read(state => Lookup.Service(state, context["id"]));
        return StreamAsync(context, query with { ServiceIds = [service.Id] }, ContainerOf(service.Spec.Task).Tty);
    }

    private Task TaskLogsAsync(ApiContext context)
    {
        var query = QueryOf(context);
        var task = swarm.Read(state => Lookup.Task(state, context["id"]));
        return StreamAsync(context, query with { TaskIds = [task.Id] }, ContainerOf(task.Spec.Spec).Tty);
    }

    private static Wire.ContainerSpec ContainerOf(Wire.TaskSpec? task) =>
        task?.Container ?? throw new ApiException(400, "error making log selector: logs only supported on container tasks");

    private static ServiceLogQuery QueryOf(ApiContext context)
    {
        var query = new ServiceLogQuery
        {
            Stdout = context.QueryFlag("stdout"),
            Stderr = context.QueryFlag("stderr"),
            Follow = context.QueryFlag("follow"),
            Since = context.UnixTime("since"),
            Tail = context.Query("tail") switch
            {
                null or "" or "all" => null,
                { } text when !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) =>
                    throw new ApiException(400, "tail value must be a positive integer or \"all\""),
                { } text => long.Parse(text, CultureInfo.InvariantCulture),
            },
        };
        if (!query.Stdout && !query.Stderr)
            throw new ApiException(400, "must specify at least one of 'stdout' or 'stderr'");
        return query.Tail < 0 ? throw new ApiException(400, "negative tail values not supported") : query;
    }

    private async Task StreamAsync(ApiContext context, ServiceLogQuery query, bool tty)
    {
        if (logs is null)
            throw new ApiException(501, "skepd cannot show the logs of services yet: use docker logs on the node that runs the task");
        var timestamps = context.QueryFlag("timestamps");
        var details = context.QueryFlag("details");
        var output = await context.StartStreamAsync(
            !tty && context.Version >= TellsFraming ? "application/vnd.docker.multiplexed-stream" : "application/vnd.docker.raw-stream");
        await output.FlushAsync(context.Aborted);
        try
        {
            await foreach (var message in logs.ReadAsync(query, context.Aborted))
            {
                await output.WriteAsync(LogLines.Format(message, timestamps, details, framed: !tty), context.Aborted);
                await output.FlushAsync(context.Aborted);
            }
        }
        catch (ApiException failure)
        {
            // The answer has begun: the client reads the failure from the stream.
            if (!tty)
                await output.WriteAsync(LogLines.Failure($"Error grabbing logs: {failure.Message}\n"), context.Aborted);
        }
    }
}
