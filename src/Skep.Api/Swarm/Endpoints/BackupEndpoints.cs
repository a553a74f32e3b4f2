using Microsoft.AspNetCore.Http.Features;
using Skep.Api.Routing;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>
/// /skep/backup, skepd's own: the whole cluster, its root CA's key and its secrets included. Whoever reaches the Docker API is root on this host and
/// could read them there too.
/// </summary>
internal sealed class BackupEndpoints(SwarmAccess swarm, IBackups backups) : IDisposable
{
    // A slow reader holds a thread and the state as it was.
    private readonly SemaphoreSlim _one = new(1, 1);

    /// <param name="fresh">What was acknowledged anywhere before the call is in the backup.</param>
    public void Map(ApiRoutes fresh) => fresh.Map("GET", "/skep/backup", BackUpAsync);

    public void Dispose() => _one.Dispose();

    private async Task BackUpAsync(ApiContext context)
    {
        var manager = swarm.Manager;
        if (swarm.Store?.Read(state => state.Cluster) is null)
            throw new ApiException(503, SwarmAccess.Preparing);
        if (!await _one.WaitAsync(TimeSpan.Zero, context.Aborted))
            throw new ApiException(503, "a backup is being made at this moment: try again when it is done");
        try
        {
            context.Http.Features.Get<IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
            var output = await context.StartStreamAsync("application/vnd.skep.backup");
            await Task.Run(() => backups.Write(manager, output), context.Aborted);
        }
        finally
        {
            _one.Release();
        }
    }
}
