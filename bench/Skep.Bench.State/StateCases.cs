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

/// <summary>How much there is in a case.</summary>
internal readonly record struct StateSize(int Nodes, int Tasks);

/// <summary>The cases: each takes its name, how large the state is, and a number of rounds.</summary>
internal static class StateCases
{
    public static IReadOnlyList<(string Name, int Tasks, Func<string, StateSize, int, Measurement> Run)> All { get; } =
    [
        ("apply", 100_000, Apply),
        ("encode", 100_000, Encode),
        ("parse", 100_000, Parse),
        ("snapshot-write", 1_000_000, WriteSnapshot),
        ("snapshot-read", 1_000_000, ReadSnapshot),
        ("clone", 1_000_000, Clone),
        ("rebuild", 1_000_000, Rebuild),
        ("memory", 1_000_000, Memory),
        ("leader", 1_000_000, LeaderCase.Run),
    ];

    // A follower's work, without the parsing: a log of the tasks' whole life onto the state.
    private static Measurement Apply(string name, StateSize size, int rounds)
    {
        var life = new TaskLife(size.Tasks, size.Nodes);
        Batch[] batches = [.. life.Batches];
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            var state = life.Beginning.Clone();
            foreach (var batch in batches)
                timing.Of(() => state.Apply(batch));
        });
        return Measured(name, size, median) with { Bytes = batches.Sum(b => (long)b.CalculateSize()) };
    }

    private static Measurement Encode(string name, StateSize size, int rounds)
    {
        Batch[] batches = [.. new TaskLife(size.Tasks, size.Nodes).Batches];
        long bytes = 0;
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            bytes = 0;
            foreach (var batch in batches)
                bytes += timing.Of(batch.ToByteArray).Length;
        });
        return Measured(name, size, median) with { Bytes = bytes };
    }

    private static Measurement Parse(string name, StateSize size, int rounds)
    {
        byte[][] encoded = [.. new TaskLife(size.Tasks, size.Nodes).Batches.Select(b => b.ToByteArray())];
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            foreach (var bytes in encoded)
                timing.Of(() => Batch.Parser.ParseFrom(bytes));
        });
        return Measured(name, size, median) with { Bytes = encoded.Sum(b => (long)b.Length) };
    }

    private static Measurement WriteSnapshot(string name, StateSize size, int rounds)
    {
        var state = Running(size);
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
            return Measured(name, size, median) with { Bytes = bytes };
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static Measurement ReadSnapshot(string name, StateSize size, int rounds)
    {
        var file = Path.GetTempFileName();
        try
        {
            using (var stream = File.Create(file))
                StateSnapshot.Capture(Running(size)).WriteTo(stream);
            var (median, _) = Timing.Rounds(rounds, timing =>
            {
                using var stream = File.OpenRead(file);
                GC.KeepAlive(timing.Of(() => StateSnapshot.Read(stream)));
            });
            return Measured(name, size, median) with { Bytes = new FileInfo(file).Length };
        }
        finally
        {
            File.Delete(file);
        }
    }

    // What a new leader does first: a copy of the state to work on.
    private static Measurement Clone(string name, StateSize size, int rounds)
    {
        var state = Running(size);
        var (median, _) = Timing.Rounds(rounds, timing => GC.KeepAlive(timing.Of(state.Clone)));
        return Measured(name, size, median);
    }

    // And what it does next: all its rules look at the state.
    private static Measurement Rebuild(string name, StateSize size, int rounds)
    {
        var state = Running(size);
        var (median, _) = Timing.Rounds(rounds, timing => GC.KeepAlive(timing.Of(() => new SwarmLoop(state, new IdSource(new byte[32]),
            [new MissingNodesRule(), .. ServiceRules.Create(), new ConstraintEnforcementRule(), new AllocationRule(), new SchedulingRule()], SyntheticCluster.Start))));
        return Measured(name, size, median);
    }

    // What is left on the heap when a state was made and nothing else is kept; the clock has how long the making took.
    private static Measurement Memory(string name, StateSize size, int rounds)
    {
        long bytes = 0;
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var state = timing.Of(() => Running(size));
            bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
            GC.KeepAlive(state);
        });
        return Measured(name, size, median) with { Bytes = bytes };
    }

    // Tasks of one service, all RUNNING, as they are after their life went through the log.
    private static ClusterState Running(StateSize size)
    {
        var life = new TaskLife(size.Tasks, size.Nodes);
        var state = life.Beginning.Clone();
        foreach (var batch in life.Batches)
            state.Apply(Batch.Parser.ParseFrom(batch.ToByteArray()));
        return state;
    }

    private static Measurement Measured(string name, StateSize size, Timing median) =>
        new("state", name, median.Seconds, median.CpuSeconds) { Count = size.Tasks, PeakMb = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6 };
}
