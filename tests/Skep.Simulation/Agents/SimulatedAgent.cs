namespace Skep.Simulation.Agents;

/// <summary>
/// A stock engine as managers see it: finds a manager, holds a session with it, does what the assignments say and reports. What it runs
/// outlives its sessions, and itself.
/// </summary>
internal sealed class SimulatedAgent
{
    /// <summary>Agents' places on the network begin here.</summary>
    public const int FirstNumber = 100;

    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(8);

    private readonly World _world;
    private int _life;
    private int _failures;

    public SimulatedAgent(World world, int number)
    {
        _world = world;
        Number = FirstNumber + number;
        NodeId = $"node{number:00}";
        Random = world.NewRandom($"agent {number}");
        Tasks = new AgentTasks(world, this);
    }

    public int Number { get; }

    public string NodeId { get; }

    public string Address => $"10.0.1.{Number - FirstNumber + 1}";

    public Random Random { get; }

    public AgentTasks Tasks { get; }

    /// <summary>The present session, or the last one.</summary>
    public AgentSession? Session { get; private set; }

    public bool IsUp { get; private set; }

    /// <summary>Where managers are, by their numbers, as the last session said.</summary>
    public IReadOnlyList<int> KnownManagers { get; set; } = [0];

    public void Start()
    {
        if (IsUp)
            return;
        IsUp = true;
        var life = ++_life;
        Tasks.Start();
        _world.Loop.Start(() => RunAsync(life));
    }

    /// <summary>dockerd dies; its containers with it, or not.</summary>
    public void Kill(bool containersToo)
    {
        if (!IsUp)
            return;
        IsUp = false;
        _life++;
        Session?.End();
        Tasks.Stop(containersToo);
    }

    private async Task RunAsync(int life)
    {
        while (life == _life)
        {
            var host = _world.Managers[KnownManagers[Random.Next(KnownManagers.Count)]];
            if (host.Process is { } process)
            {
                Session = new AgentSession(_world, this, host, process);
                await Session.RunAsync();
                // One that held for a while was none that failed.
                _failures = Session.WasOpen ? 0 : _failures + 1;
            }
            else
            {
                _failures++;
            }
            var longest = TimeSpan.FromMilliseconds(100) * Math.Pow(2, Math.Min(_failures, 8));
            await _world.Loop.Delay((longest < LongestBackoff ? longest : LongestBackoff) * Random.NextDouble());
        }
    }
}
