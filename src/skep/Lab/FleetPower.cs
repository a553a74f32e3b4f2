namespace Skep.Cli.Lab;

/// <summary>Holds the nodes of a fleet, takes the power from them at chance moments, and gives it back. Which, when and for how long comes from the seed.</summary>
/// <param name="options">How often, and how long.</param>
/// <param name="count">Nodes of the fleet.</param>
/// <param name="random">Decides; of nobody else.</param>
/// <param name="figures">Are told.</param>
/// <param name="time">The clock.</param>
internal sealed class FleetPower(TroubleOptions options, int count, Random random, FleetFigures figures, TimeProvider time) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FleetNode?[] _nodes = new FleetNode?[count];
    private readonly bool[] _hasPower = new bool[count];

    /// <summary>From now on it may lose its power.</summary>
    public void Add(int index, FleetNode node)
    {
        lock (_lock)
            (_nodes[index], _hasPower[index]) = (node, true);
    }

    /// <summary>Until cancelled; without deaths there is nothing to do.</summary>
    public async Task RunAsync(CancellationToken end)
    {
        var began = time.GetTimestamp();
        var absences = new List<Task>();
        try
        {
            foreach (var loss in PowerLoss.All(options, count, random))
            {
                if (loss.At - time.GetElapsedTime(began) is var wait && wait > TimeSpan.Zero)
                    await Task.Delay(wait, time, end);
                if (TakeOne(loss.Node) is var (index, node))
                    absences.Add(LoseAsync(loss, index, node, end));
                absences.RemoveAll(a => a.IsCompletedSuccessfully);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            await Task.WhenAll(absences).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    public void Dispose()
    {
        foreach (var node in _nodes)
            node?.Dispose();
    }

    /// <summary>This node, or the next one with power after it.</summary>
    private (int Index, FleetNode Node)? TakeOne(int first)
    {
        lock (_lock)
        {
            for (var i = 0; i < count; i++)
            {
                var index = (first + i) % count;
                if (!_hasPower[index] || _nodes[index] is not { } node)
                    continue;
                _hasPower[index] = false;
                return (index, node);
            }
            return null;
        }
    }

    private async Task LoseAsync(PowerLoss loss, int index, FleetNode node, CancellationToken end)
    {
        await node.PowerOffAsync(loss.IsEmpty);
        figures.NodeDied();
        await Task.Delay(loss.Away, time, end);
        node.PowerOn();
        figures.NodeReturned(loss.IsEmpty);
        Add(index, node);
    }
}
