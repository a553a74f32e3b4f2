using Skep.Simulation.Disk;
using Skep.Simulation.Managers;

namespace Skep.Simulation.Faults;

/// <summary>What goes wrong in a run, and when: machines, disks, links, clocks and engines, by chance; and the end of it all.</summary>
internal sealed class FaultPlan(World world)
{
    private readonly Random _random = world.NewRandom("faults");
    private bool _active;
    private int _nextRaftId = 100;

    public void Begin()
    {
        _active = true;
        // Some rounds have a bad network throughout, some tasks that fail.
        world.Network.Loss = _random.Next(3) == 0 ? 0.15 * _random.NextDouble() : 0;
        world.Network.Slowness = _random.Next(3) == 0 ? 0.1 * _random.NextDouble() : 0;
        world.Network.Resets = _random.Next(3) == 0 ? 0.02 * _random.NextDouble() : 0;
        world.Network.Latency = TimeSpan.FromMilliseconds(_random.Next(4) == 0 ? 30 : 1);
        world.TaskFailures = _random.Next(2) == 0 ? 0.1 * _random.NextDouble() : 0;
        Next();
    }

    /// <summary>Repairs everything. A manager whose disk is lost is replaced.</summary>
    public async Task EndAsync()
    {
        _active = false;
        world.Network.Heal();
        (world.Network.Loss, world.Network.Slowness, world.Network.Resets, world.Network.Latency) = (0, 0, 0, TimeSpan.FromMilliseconds(1));
        world.TaskFailures = 0;
        foreach (var host in world.Managers)
            Repair(host);
        foreach (var agent in world.Agents)
            agent.Start();
        foreach (var host in world.Managers.Where(m => m.IsLost).ToList())
        {
            world.Faults.Add("managers replaced");
            await new Replacement(world).ReplaceAsync(host, (ulong)_nextRaftId++);
        }
    }

    private static void Repair(ManagerHost host)
    {
        host.Disk.FreeBytes = long.MaxValue;
        host.Disk.SyncFails = _ => false;
        host.Disk.CrashAt = null;
        host.Start();
        if (host.Process is { } process)
            process.Thread.DiskLatency = TimeSpan.FromMilliseconds(0.5);
    }

    private void Next() => world.Loop.After(TimeSpan.FromSeconds(14) * _random.NextDouble(), () =>
    {
        if (!_active)
            return;
        Act();
        Next();
    });

    private void Act()
    {
        // The leader is worth more than others.
        var host = _random.Next(3) == 0 && world.Leader is { } leader ? leader : world.Managers[_random.Next(world.Managers.Count)];
        switch (_random.Next(16))
        {
            case 0 or 1: Kill(host, CrashKind.ProcessKilled); break;
            case 2: Kill(host, CrashKind.UnsyncedLost); break;
            case 3: Kill(host, CrashKind.UnsyncedTorn); break;
            case 4: CrashAtWrite(host); break;
            case 5: FillDisk(host); break;
            case 6: FailSync(host); break;
            case 7: SlowDisk(host); break;
            case 8 or 9: Isolate(host); break;
            case 10: Split(); break;
            case 11: CutOneWay(); break;
            case 12: JumpClock(host); break;
            case 13: TransferLeadership(host); break;
            case 14: KillAgent(); break;
            default: CutAgent(); break;
        }
    }

    private void Later(double maxSeconds, Action action) => world.Loop.After(TimeSpan.FromSeconds(maxSeconds) * _random.NextDouble(), action);

    private void Kill(ManagerHost host, CrashKind kind)
    {
        if (host.Process is null)
            return;
        world.Faults.Add($"crashes ({kind})");
        host.Kill(kind);
        if (kind == CrashKind.ProcessKilled && _random.Next(4) == 0)
            FlipBit(host);
        Later(20, () => host.Start());
    }

    // Only after a kill that left everything: after a power failure a damaged last write cannot be told from a torn one. And only while the
    // others hold all that was acknowledged: not two at a time.
    private void FlipBit(ManagerHost host)
    {
        if (world.DamagedDisks.Count > 0 || world.Managers.Any(m => m.IsLost))
            return;
        var paths = host.Disk.Paths.Where(p => host.Disk.LengthOf(p) > 0).ToList();
        if (paths.Count == 0)
            return;
        var path = paths[_random.Next(paths.Count)];
        world.DamagedDisks.Add(host.Number);
        world.Faults.Add("flipped bits");
        world.Trace.Note($"{host.Name} has a flipped bit in {path}");
        host.Disk.FlipBit(path, _random.NextInt64(host.Disk.LengthOf(path)), _random.Next(8));
    }

    private void CrashAtWrite(ManagerHost host)
    {
        if (host.Process is null)
            return;
        world.Faults.Add("crashes at a write");
        host.Disk.CrashAt = host.Disk.Operations + _random.Next(1, 30);
        Later(20, () => host.Start());
        Later(20, () => host.Start());
    }

    private void FillDisk(ManagerHost host)
    {
        world.Faults.Add("full disks");
        host.Disk.FreeBytes = _random.Next(5000);
        Later(20, () =>
        {
            host.Disk.FreeBytes = long.MaxValue;
            host.Start();
        });
    }

    private void FailSync(ManagerHost host)
    {
        world.Faults.Add("failed syncs");
        host.Disk.SyncFails = _ => true;
        Later(10, () =>
        {
            host.Disk.SyncFails = _ => false;
            // Started again on the running machine it reads what may not be on the disk; the power may fail later.
            host.Kill(_random.Next(2) == 0 ? CrashKind.ProcessKilled : CrashKind.UnsyncedTorn);
            host.Start();
        });
    }

    private void SlowDisk(ManagerHost host)
    {
        if (host.Process is not { } process)
            return;
        world.Faults.Add("slow disks");
        process.Thread.DiskLatency = TimeSpan.FromMilliseconds(_random.Next(10, 800));
        Later(20, () => process.Thread.DiskLatency = TimeSpan.FromMilliseconds(0.5));
    }

    private void Isolate(ManagerHost host)
    {
        world.Faults.Add("isolated managers");
        foreach (var other in Others(host.Number))
            CutBothWays(host.Number, other);
        Later(25, world.Network.Heal);
    }

    private void Split()
    {
        world.Faults.Add("partitions");
        var all = Others(-1).ToList();
        var here = all.Where(_ => _random.Next(2) == 0).ToHashSet();
        foreach (var a in here)
        {
            foreach (var b in all.Where(n => !here.Contains(n)))
                CutBothWays(a, b);
        }
        Later(25, world.Network.Heal);
    }

    private void CutOneWay()
    {
        world.Faults.Add("one-way cuts");
        var all = Others(-1).ToList();
        for (var count = _random.Next(1, 4); count > 0; count--)
            world.Network.Cut(all[_random.Next(all.Count)], _random.Next(world.Managers.Count));
        Later(25, world.Network.Heal);
    }

    private void JumpClock(ManagerHost host)
    {
        world.Faults.Add("clock jumps");
        var by = TimeSpan.FromSeconds(_random.Next(2) == 0 ? 10 : 600) * ((2 * _random.NextDouble()) - 1);
        world.Trace.Note($"{host.Name}'s clock jumps by {by}");
        host.Clock.Jump(by);
    }

    private void TransferLeadership(ManagerHost host)
    {
        world.Faults.Add("leader transfers");
        if (world.Leader?.Process is { } leader)
            leader.Thread.Post(() => leader.Loop.TransferLeader(host.RaftId));
    }

    private void KillAgent()
    {
        world.Faults.Add("engines killed");
        var agent = world.Agents[_random.Next(world.Agents.Count)];
        agent.Kill(containersToo: _random.Next(2) == 0);
        Later(30, agent.Start);
    }

    private void CutAgent()
    {
        world.Faults.Add("engines cut off");
        var agent = world.Agents[_random.Next(world.Agents.Count)];
        foreach (var manager in world.Managers)
            CutBothWays(agent.Number, manager.Number);
        Later(25, world.Network.Heal);
    }

    private void CutBothWays(int a, int b)
    {
        world.Network.Cut(a, b);
        world.Network.Cut(b, a);
    }

    private IEnumerable<int> Others(int than) =>
        world.Managers.Select(m => m.Number).Concat(world.Agents.Select(a => a.Number)).Where(n => n != than);
}
