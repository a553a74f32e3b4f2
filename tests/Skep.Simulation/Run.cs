using Skep.Simulation.Clients;
using Skep.Simulation.Engine;
using Skep.Simulation.Faults;
using Skep.Simulation.Invariants;
using Skep.Simulation.Linearizability;

namespace Skep.Simulation;

/// <summary>One run: makes the cluster, lets rounds of faults and of recovery pass, and checks. All of it follows from the options.</summary>
internal sealed class Run(RunOptions options)
{
    private readonly World _world = new(options);
    private readonly History _history = new();
    private readonly List<ApiClient> _clients = [];

    public RunResult Go()
    {
        try
        {
            Begin();
            var faults = new FaultPlan(_world);
            for (var round = 0; round < options.Rounds && _world.Loop.Failure is null; round++)
                Round(faults);
            if (_world.Loop.Failure is null && Checker.FindViolation(_history) is { } violation)
                _world.Loop.Fail("API calls are linearizable", violation);
        }
        catch (Exception e)
        {
            _world.Loop.Fail("no exceptions", e.ToString());
        }
        return new RunResult(options.Seed, options.Managers, _world.Loop.Failure, _world.Loop.Now, _world.Loop.Steps, _history.Count, _world.Witness.Index, _world.Trace.Hash, _world.Faults);
    }

    private void Begin()
    {
        var made = Do(new Beginning(_world).RunAsync);
        if (!_world.Loop.Run(TimeSpan.FromSeconds(60), () => made.IsCompleted))
            _world.Loop.Fail("a cluster is made", "it was not, within 60 s and without faults");
        foreach (var agent in _world.Agents)
            agent.Start();
        for (var i = 0; i < options.Clients; i++)
        {
            var client = new ApiClient(_world, i, _history);
            _clients.Add(client);
            _world.Loop.Start(client.RunAsync);
        }
    }

    private void Round(FaultPlan faults)
    {
        _world.ClientsRest = false;
        faults.Begin();
        _world.Loop.Run(options.FaultTime);
        _world.ClientsRest = true;
        var repaired = Do(faults.EndAsync);
        var convergence = new Convergence(_world);
        var next = TimeSpan.Zero;
        if (!_world.Loop.Run(options.RecoveryTime, () => IsDue(ref next) && repaired.IsCompleted && _clients.All(c => c.IsIdle) && convergence.Missing() is null))
        {
            _world.Loop.Fail("everything comes right after the faults",
                $"not within {options.RecoveryTime.TotalSeconds} s: {(!repaired.IsCompleted ? "a lost manager is not replaced" : _clients.Any(c => !c.IsIdle) ? "a client waits" : convergence.Missing())}");
            return;
        }
        _history.Settled();
        _world.Trace.Note("all is well");
        if (EqualLogs.FindDifference(_world.Managers) is { } difference)
            _world.Loop.Fail("logs are equal in the end", difference);
    }

    // Looking is not free: once a virtual second.
    private bool IsDue(ref TimeSpan next)
    {
        if (_world.Loop.Now < next)
            return false;
        next = _world.Loop.Now + TimeSpan.FromSeconds(1);
        return true;
    }

    private Task Do(Func<Task> action)
    {
        var done = new TaskCompletionSource();
        _world.Loop.Start(async () =>
        {
            await action();
            done.SetResult();
        });
        return done.Task;
    }
}

/// <summary>What a run came to.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="Managers">How many there were.</param>
/// <param name="Failure">Null when all was well.</param>
/// <param name="Simulated">Virtual time that passed.</param>
/// <param name="Steps">Events and continuations.</param>
/// <param name="Operations">API calls of clients.</param>
/// <param name="Index">Of the last committed batch.</param>
/// <param name="TraceHash">Of all that happened.</param>
/// <param name="Faults">What was injected.</param>
internal sealed record RunResult(int Seed, int Managers, Violation? Failure, TimeSpan Simulated, long Steps, int Operations, ulong Index, ulong TraceHash, FaultCount Faults);
