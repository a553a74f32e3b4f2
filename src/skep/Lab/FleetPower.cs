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
        if (options.DeathsPerMinute <= 0)
            return;
        var returns = new List<Task>();
        try
        {
            while (true)
            {
                await Task.Delay(UntilNextDeath(), time, end);
                if (TakeOne() is var (index, node))
                    returns.Add(LoseAsync(index, node, end));
                returns.RemoveAll(r => r.IsCompletedSuccessfully);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            await Task.WhenAll(returns).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    public void Dispose()
    {
        foreach (var node in _nodes)
            node?.Dispose();
    }

    // Deaths that know nothing of each other: the times between them are exponential.
    private TimeSpan UntilNextDeath() => TimeSpan.FromMinutes(-Math.Log(1 - random.NextDouble()) / options.DeathsPerMinute);

    /// <summary>A node by chance: the next with power after a chance place.</summary>
    private (int Index, FleetNode Node)? TakeOne()
    {
        lock (_lock)
        {
            var start = random.Next(count);
            for (var i = 0; i < count; i++)
            {
                var index = (start + i) % count;
                if (!_hasPower[index] || _nodes[index] is not { } node)
                    continue;
                _hasPower[index] = false;
                return (index, node);
            }
            return null;
        }
    }

    private async Task LoseAsync(int index, FleetNode node, CancellationToken end)
    {
        // Drawn before anything is awaited, so that the order of the draws is always the same.
        var isEmpty = options.ReturnAfter is null || random.NextDouble() < options.ReturnEmpty;
        var wait = options.ReturnAfter is var (min, max) ? min + ((max - min) * random.NextDouble()) : Timeout.InfiniteTimeSpan;
        await node.PowerOffAsync(isEmpty);
        figures.NodeDied();
        await Task.Delay(wait, time, end);
        node.PowerOn();
        figures.NodeReturned(isEmpty);
        Add(index, node);
    }
}
