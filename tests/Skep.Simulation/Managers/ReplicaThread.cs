using Skep.Log;
using Skep.Simulation.Disk;

namespace Skep.Simulation.Managers;

/// <summary>
/// What <see cref="Replica"/>'s thread does, on the event loop: takes what waits, lets the real <see cref="ReplicaLoop"/> work, and is busy for as
/// long as the disk takes; what comes meanwhile shares the next write.
/// </summary>
internal sealed class ReplicaThread(World world, ManagerHost host, ManagerProcess process)
{
    private readonly Queue<Action> _work = new();
    private bool _scheduled;

    /// <summary>Time that a write takes; a slow disk takes longer.</summary>
    public TimeSpan DiskLatency { get; set; } = TimeSpan.FromMilliseconds(0.5);

    public void Post(Action work)
    {
        if (!process.IsAlive)
            return;
        _work.Enqueue(work);
        Schedule(TimeSpan.Zero);
    }

    private void Schedule(TimeSpan delay)
    {
        if (_scheduled)
            return;
        _scheduled = true;
        world.Loop.After(delay, Turn);
    }

    private void Turn()
    {
        _scheduled = false;
        if (!process.IsAlive)
            return;
        var appends = process.Loop.Appends;
        Guard(() =>
        {
            for (var count = _work.Count; count > 0; count--)
                _work.Dequeue()();
            process.Loop.Process();
        });
        if (!process.IsAlive)
            return;
        process.AfterTurn();
        if (process.Loop.Appends != appends)
        {
            _scheduled = true;
            world.Loop.After(DiskLatency.Ticks + (long)(DiskLatency.Ticks * host.Random.NextDouble()), Busy);
        }
        else if (_work.Count > 0)
        {
            Schedule(TimeSpan.Zero);
        }
    }

    private void Busy()
    {
        _scheduled = false;
        if (_work.Count > 0)
            Turn();
    }

    /// <summary>Does something that touches the disk: what fails there ends the process as it would end skepd.</summary>
    public void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (SimulatedCrashException)
        {
            host.Kill((CrashKind)host.Random.Next(3));
        }
        catch (IOException e)
        {
            world.Trace.Note($"{host.Name} stops: {e.Message}");
            host.Exit();
        }
        catch (Exception e)
        {
            world.Loop.Fail("managers do not stop by themselves", $"{host.Name}: {e}");
        }
    }
}
