using Skep.Api.Routing;
using Skep.Api.Swarm.Endpoints;
using Skep.Api.Swarm.Events;
using Skep.Api.Swarm.Logs;

namespace Skep.Api.Swarm;

/// <summary>
/// Swarm mode of the Docker Engine API: /swarm, /nodes, /services, /tasks, /secrets, /configs, and the cluster's part of /networks,
/// /events, /info and /_ping. Put <see cref="Info"/> and the mapped routes into the host's options.
/// </summary>
public sealed class SwarmApi : IDisposable
{
    private readonly SwarmEventLog _events;
    private readonly BackupEndpoints? _backups;

    /// <param name="lifecycle">How this daemon joins and leaves clusters, and the manager while it is one.</param>
    /// <param name="routes">Where the endpoints are claimed.</param>
    /// <param name="logs">The logs of tasks; null: answered with 501.</param>
    /// <param name="time">The clock.</param>
    /// <param name="backups">Makes backups; null: /skep/backup is not there.</param>
    public SwarmApi(ISwarmLifecycle lifecycle, ApiRoutes routes, IServiceLogs? logs = null, TimeProvider? time = null, IBackups? backups = null)
    {
        ArgumentNullException.ThrowIfNull(lifecycle);
        time ??= TimeProvider.System;
        var swarm = new SwarmAccess(lifecycle, time);
        _events = new SwarmEventLog(lifecycle, time);
        Info = new SwarmInfo(swarm);
        // Whichever manager is asked answers with what every one of them has acknowledged before.
        var fresh = routes.Around(handler => async context =>
        {
            await swarm.CatchUpAsync(context.Aborted).ConfigureAwait(false);
            await handler(context).ConfigureAwait(false);
        });
        new ClusterEndpoints(swarm).Map(routes, fresh);
        new NodeEndpoints(swarm).Map(fresh);
        new ServiceEndpoints(swarm).Map(fresh);
        new TaskEndpoints(swarm).Map(fresh);
        new LogEndpoints(swarm, logs).Map(fresh);
        new SecretEndpoints(swarm).Map(fresh);
        new ConfigEndpoints(swarm).Map(fresh);
        new NetworkEndpoints(swarm).Map(fresh);
        new EventEndpoints(swarm, _events, time).Map(routes);
        _backups = backups is null ? null : new BackupEndpoints(swarm, backups);
        _backups?.Map(fresh);
    }

    public ISwarmInfo Info { get; }

    public void Dispose()
    {
        _events.Dispose();
        _backups?.Dispose();
    }
}
