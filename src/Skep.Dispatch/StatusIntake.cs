using Microsoft.Extensions.Logging;
using Skep.Manager;
using Update = Skep.Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate;

namespace Skep.Dispatch;

/// <summary>
/// Takes task statuses, answers at once, and repeats them to the leader until they are committed. An engine makes one call per
/// status and waits for its answer, so an answer must not wait for the disk; if this manager dies, the session dies with it
/// and the engine reports everything again.
/// </summary>
/// <remarks>
/// Statuses of small services have a lane of their own: in the other one those of a burst are gathered for as long as the ones before them are on their way, so
/// whoever waits for one task waits there for thousands, twice.
/// </remarks>
public sealed class StatusIntake(IManager manager, DispatchOptions options, TimeProvider time, ILogger<StatusIntake> logger) : IAsyncDisposable
{
    private readonly StatusLane _urgent = new(manager, options.UrgentStatusBatching, options, time, logger);
    private readonly StatusLane _others = new(manager, options.StatusBatching, options, time, logger);

    /// <summary>Holds the statuses from now on. Newer ones replace older ones of the same task.</summary>
    /// <param name="nodeId">Who reports.</param>
    /// <param name="updates">What.</param>
    /// <param name="isUrgent">See <see cref="UrgentTasks"/>. A status that overtakes an older one of its task in the other lane does no harm: what is observed only
    /// moves forward.</param>
    /// <param name="cancellation">Ends the wait for room.</param>
    public async Task TakeAsync(string nodeId, IReadOnlyCollection<Update> updates, bool isUrgent, CancellationToken cancellation)
    {
        await (isUrgent ? _urgent : _others).TakeAsync(nodeId, updates, cancellation);
        DispatchMetrics.Statuses.Inc(updates.Count);
    }

    public async ValueTask DisposeAsync()
    {
        await _urgent.DisposeAsync();
        await _others.DisposeAsync();
    }
}
