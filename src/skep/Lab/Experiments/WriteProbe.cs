using System.Collections.Concurrent;

namespace Skep.Cli.Lab.Experiments;

/// <summary>A client that creates services without replicas, one after the other, and remembers which were acknowledged and when.</summary>
/// <param name="clock">Seconds since the experiment began.</param>
internal sealed class WriteProbe(Func<double> clock)
{
    private const string Prefix = "write";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Longer than any fail-over should take, and short enough that a call that hangs is not the measure.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly ConcurrentQueue<Write> _acknowledged = [];

    public int Acknowledged => _acknowledged.Count;

    /// <summary>Writes until it is cancelled.</summary>
    /// <param name="manager">Whom to ask, anew for each write.</param>
    /// <param name="cancellation">The end.</param>
    public async Task RunAsync(Func<SwarmApi> manager, CancellationToken cancellation)
    {
        for (var number = 1; !cancellation.IsCancellationRequested; number++)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(Patience);
            var write = new Write(SwarmApi.Numbered(Prefix, number), clock(), 0);
            try
            {
                await manager().CreateServiceAsync(write.Service, replicas: 0, patience.Token);
                _acknowledged.Enqueue(write with { AcknowledgedAt = clock() });
                await Task.Delay(Pause, cancellation);
            }
            catch (CliException)
            {
                // Not acknowledged: the next one tells when they are again.
                await Task.Delay(Pause, CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                // The end, or no answer in time.
            }
        }
    }

    /// <summary>Seconds from a moment to the first acknowledgement of a write that was sent after it; null: none was.</summary>
    public double? FirstAfter(double moment) =>
        _acknowledged.Where(w => w.SentAt > moment).Select(w => (double?)(w.AcknowledgedAt - moment)).FirstOrDefault();

    /// <summary>Of the acknowledged, those that are not among these services.</summary>
    public IReadOnlyList<string> Missing(IReadOnlyDictionary<string, long> services) =>
        [.. _acknowledged.Select(w => w.Service).Where(name => !services.ContainsKey(name))];

    private sealed record Write(string Service, double SentAt, double AcknowledgedAt);
}
