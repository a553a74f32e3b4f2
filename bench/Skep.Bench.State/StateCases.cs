using System.Diagnostics;
using Google.Protobuf;
using Skep.Manager;
using Skep.Manager.Allocation;
using Skep.Manager.Enforcement;
using Skep.Manager.Nodes;
using Skep.Manager.Orchestration;
using Skep.Manager.Scheduling;
using Skep.State;

namespace Skep.Bench.State;

/// <summary>The cases: each takes its name, a number of tasks and of rounds.</summary>
internal static class StateCases
{
    public static IReadOnlyList<(string Name, int Tasks, Func<string, int, int, Measurement> Run)> All { get; } =
    [
        ("apply", 100_000, Apply),
        ("encode", 100_000, Encode),
        ("parse", 100_000, Parse),
        ("snapshot-write", 1_000_000, WriteSnapshot),
        ("snapshot-read", 1_000_000, ReadSnapshot),
        ("clone", 1_000_000, Clone),
        ("rebuild", 1_000_000, Rebuild),
        ("leader", 1_000_000, LeaderCase.Run),
    ];

    // A follower's work, without the parsing: a log of the tasks' whole life onto the state.
    private static Measurement Apply(string name, int tasks, int rounds)
    {
        var life = new TaskLife(tasks);
        Batch[] batches = [.. life.Batches];
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            var state = life.Beginning.Clone();
            foreach (var batch in batches)
                timing.Of(() => state.Apply(batch));
        });
        return Measured(name, tasks, median) with { Bytes = batches.Sum(b => (long)b.CalculateSize()) };
    }

    private static Measurement Encode(string name, int tasks, int rounds)
    {
        Batch[] batches = [.. new TaskLife(tasks).Batches];
        long bytes = 0;
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            bytes = 0;
            foreach (var batch in batches)
                bytes += timing.Of(batch.ToByteArray).Length;
        });
        return Measured(name, tasks, median) with { Bytes = bytes };
    }

    private static Measurement Parse(string name, int tasks, int rounds)
    {
        byte[][] encoded = [.. new TaskLife(tasks).Batches.Select(b => b.ToByteArray())];
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            foreach (var bytes in encoded)
                timing.Of(() => Batch.Parser.ParseFrom(bytes));
        });
        return Measured(name, tasks, median) with { Bytes = encoded.Sum(b => (long)b.Length) };
    }

    private static Measurement WriteSnapshot(string name, int tasks, int rounds)
    {
        var state = Running(tasks);
        var file = Path.GetTempFileName();
        try
        {
            long bytes = 0;
            var (median, _) = Timing.Rounds(rounds, timing =>
            {
                using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
                timing.Of(() =>
                {
                    StateSnapshot.Capture(state).WriteTo(stream);
                    stream.Flush();
                    return 0;
                });
                bytes = stream.Length;
            });
            return Measured(name, tasks, median) with { Bytes = bytes };
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static Measurement ReadSnapshot(string name, int tasks, int rounds)
    {
        var file = Path.GetTempFileName();
        try
        {
            using (var stream = File.Create(file))
                StateSnapshot.Capture(Running(tasks)).WriteTo(stream);
            var (median, _) = Timing.Rounds(rounds, timing =>
            {
                using var stream = File.OpenRead(file);
                GC.KeepAlive(timing.Of(() => StateSnapshot.Read(stream)));
            });
            return Measured(name, tasks, median) with { Bytes = new FileInfo(file).Length };
        }
        finally
        {
            File.Delete(file);
        }
    }

    // What a new leader does first: a copy of the state to work on.
    private static Measurement Clone(string name, int tasks, int rounds)
    {
        var state = Running(tasks);
        var (median, _) = Timing.Rounds(rounds, timing => GC.KeepAlive(timing.Of(state.Clone)));
        return Measured(name, tasks, median);
    }

    // And what it does next: all its rules look at the state.
    private static Measurement Rebuild(string name, int tasks, int rounds)
    {
        var state = Running(tasks);
        var (median, _) = Timing.Rounds(rounds, timing => GC.KeepAlive(timing.Of(() => new SwarmLoop(state, new IdSource(new byte[32]),
            [new MissingNodesRule(), .. ServiceRules.Create(), new ConstraintEnforcementRule(), new AllocationRule(), new SchedulingRule()], SyntheticCluster.Start))));
        return Measured(name, tasks, median);
    }

    // Tasks of one service, all RUNNING on 1,000 nodes, as they are after their life went through the log.
    private static ClusterState Running(int tasks)
    {
        var life = new TaskLife(tasks);
        var state = life.Beginning.Clone();
        foreach (var batch in life.Batches)
            state.Apply(Batch.Parser.ParseFrom(batch.ToByteArray()));
        return state;
    }

    private static Measurement Measured(string name, int tasks, Timing median) =>
        new("state", name, median.Seconds, median.CpuSeconds) { Count = tasks, PeakMb = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6 };
}
