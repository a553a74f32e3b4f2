using Skep.Agent;

namespace Skep.Cli.Lab;

/// <summary>One engine of the fleet, which runs while it has power. Its methods are called one at a time.</summary>
/// <param name="agent">The engine; it has its certificate.</param>
internal sealed class FleetNode(NodeAgent agent) : IDisposable
{
    private CancellationTokenSource? _power;
    private Task _run = Task.CompletedTask;

    public void PowerOn()
    {
        _power?.Dispose();
        _power = new CancellationTokenSource();
        _run = agent.RunAsync(_power.Token);
    }

    /// <summary>Returns when the agent has come to its end.</summary>
    /// <param name="losesTasks">Its containers are gone as well.</param>
    public async Task PowerOffAsync(bool losesTasks)
    {
        await _power!.CancelAsync();
        await _run.ContinueWith(static _ => { }, TaskScheduler.Default);
        if (losesTasks)
            agent.LoseTasks();
    }

    public void Dispose()
    {
        _power?.Dispose();
        agent.Dispose();
    }
}
