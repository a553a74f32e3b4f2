using Skep.Log;
using Skep.Simulation.Disk;
using Skep.Simulation.Engine;

namespace Skep.Simulation.Managers;

/// <summary>A machine with a skepd on it: disk and clock outlive the process.</summary>
internal sealed class ManagerHost
{
    private readonly World _world;

    public ManagerHost(World world, int number)
    {
        _world = world;
        Number = number;
        RaftId = (ulong)number + 1;
        ManagerId = Name;
        Random = world.NewRandom($"manager {number}");
        Disk = new SimulatedFileSystem { Random = Random };
        Clock = new MachineClock(world.Loop, 1 + (world.Options.ClockDrift * ((2 * Random.NextDouble()) - 1)));
    }

    /// <summary>Its place in <see cref="World.Managers"/> and on the network.</summary>
    public int Number { get; }

    /// <summary>A host that lost its disk comes back as another member.</summary>
    public ulong RaftId { get; private set; }

    /// <summary>Its key in the state.</summary>
    public string ManagerId { get; private set; }

    public Random Random { get; }

    public SimulatedFileSystem Disk { get; private set; }

    public MachineClock Clock { get; }

    /// <summary>Null while skepd does not run.</summary>
    public ManagerProcess? Process { get; private set; }

    /// <summary>The disk is damaged and was refused, or is gone: only replacing the member helps.</summary>
    public bool IsLost { get; private set; }

    public string Name => $"m{Number}";

    public string Address => $"10.0.0.{Number + 1}:2377";

    /// <summary>Starts skepd. Does nothing while it runs or its disk is lost.</summary>
    public void Start(ReplicaStart start = ReplicaStart.Existing)
    {
        if (Process is not null || IsLost)
            return;
        var process = new ManagerProcess(_world, this);
        try
        {
            process.Open(start);
            Process = process;
            _world.Trace.Note($"{Name} starts at {process.Loop.LastApplied}");
            process.Begin();
        }
        catch (SimulatedCrashException)
        {
            Disk.Restart(CrashKind.UnsyncedTorn);
            _world.Trace.Note($"{Name} crashes while it starts");
        }
        catch (LogCorruptException e)
        {
            _world.Trace.Note($"{Name} refuses its disk: {e.Message}");
            IsLost = true;
            if (!_world.DamagedDisks.Contains(Number))
                _world.Loop.Fail("a sound log is opened", $"{Name} refuses its log though nothing damaged it: {e.Message}");
        }
        catch (IOException e)
        {
            _world.Trace.Note($"{Name} cannot start: {e.Message}");
        }
    }

    /// <summary>The process is gone; what was not synced may be too.</summary>
    public void Kill(CrashKind kind)
    {
        if (Process is null)
            return;
        _world.Trace.Note($"{Name} dies: {kind}");
        Exit();
        Disk.Restart(kind);
    }

    /// <summary>The process ends by itself (its disk failed).</summary>
    public void Exit()
    {
        Process?.Die();
        Process = null;
    }

    /// <summary>A new machine in place of the old one: an empty disk, another raft id.</summary>
    public void Replace(ulong raftId)
    {
        Exit();
        RaftId = raftId;
        ManagerId = $"{Name}.{raftId}";
        Disk = new SimulatedFileSystem { Random = Random };
        IsLost = false;
        _world.DamagedDisks.Remove(Number);
    }
}
