using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Skep.Simulation.Engine;

namespace Skep.Simulation;

/// <summary>Runs seeds until time or number is up, and says what came out.</summary>
internal static class Simulate
{
    private const string Usage = """
        simulate: runs simulated clusters with faults, each from a seed, and checks what must always hold.

          ./simulate --seeds N --minutes M [--seed S] [--managers K] [--trace FILE] [--json]

          --seeds N      so many seeds at most (default 100)
          --minutes M    so many minutes of real time at most (default 10)
          --seed S       the first seed (default: by chance); with --seeds 1 a run is replayed
          --managers K   3 to 7 (default: the seed decides)
          --trace FILE   write what happens, event by event (with --seeds 1)
          --json         the figures as JSON
          --mutant NAME  break a promise on purpose (Mutants/Hunt.cs); a violation is then what is wanted

        Exit code 0: nothing violated; 1: a violation, printed with the command that replays it; 2: wrong usage.
        """;

    public static int Main(string[] args)
    {
        int seeds = 100, seed = Environment.TickCount & 0xFFFFFF;
        int? managers = null;
        var minutes = 10.0;
        string? trace = null, mutant = null;
        var json = false;
        for (var i = 0; i < args.Length; i++)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            var valid = args[i] switch
            {
                "--seeds" => int.TryParse(value, out seeds) && seeds > 0 && ++i > 0,
                "--seed" => int.TryParse(value, out seed) && ++i > 0,
                "--minutes" => double.TryParse(value, CultureInfo.InvariantCulture, out minutes) && ++i > 0,
                "--managers" => int.TryParse(value, out var k) && k is >= 3 and <= 7 && (managers = k) > 0 && ++i > 0,
                "--trace" => (trace = value).Length > 0 && ++i > 0,
                "--mutant" => Mutants.Hunt.Mutants.ContainsKey(mutant = value) && ++i > 0,
                "--json" => json = true,
                _ => false,
            };
            if (!valid)
            {
                Console.Error.WriteLine(args[i] is "-h" or "--help" ? Usage : $"simulate: {args[i]} is not understood\n\n{Usage}");
                return 2;
            }
        }
        return Go(seed, seeds, TimeSpan.FromMinutes(minutes), managers, trace, mutant, json);
    }

    private static int Go(int seed, int seeds, TimeSpan limit, int? managers, string? trace, string? mutant, bool json)
    {
        var total = new Totals();
        var watch = Stopwatch.StartNew();
        using var text = trace is null ? null : new StreamWriter(trace);
        for (var i = 0; i < seeds && watch.Elapsed < limit && total.Failure is null; i++)
        {
            total.Add(new Run(RunOptions.For(seed + i, managers) with { TraceTo = text, Seams = mutant is null ? Seams.None : Mutants.Hunt.Mutants[mutant]() }).Go());
            if (!json && i % 50 == 49)
                Console.WriteLine($"{total.Seeds} seeds, {total.Simulated.TotalSeconds:0} simulated seconds in {watch.Elapsed.TotalSeconds:0} s");
        }
        var report = new
        {
            seeds = total.Seeds,
            firstSeed = seed,
            simulatedSeconds = (long)total.Simulated.TotalSeconds,
            realSeconds = Math.Round(watch.Elapsed.TotalSeconds, 1),
            simulatedPerRealSecond = (long)(total.Simulated.TotalSeconds / watch.Elapsed.TotalSeconds),
            steps = total.Steps,
            apiCalls = total.Operations,
            batches = total.Batches,
            faults = total.Faults.Counts,
            violation = total.Failure?.Failure?.Invariant,
            message = total.Failure?.Failure?.Message,
            seed = total.Failure?.Seed,
            replay = total.Failure is { } failed ? ReplayCommand(failed) : null,
        };
        Console.WriteLine(json ? JsonSerializer.Serialize(report) : Text(report.simulatedPerRealSecond, total, seed, watch.Elapsed));
        return total.Failure is null ? 0 : 1;
    }

    /// <summary>The command that does a run again.</summary>
    public static string ReplayCommand(RunResult run) => $"./simulate --seed {run.Seed} --seeds 1 --managers {run.Managers}";

    private static string Text(long speed, Totals total, int seed, TimeSpan elapsed)
    {
        var lines = new List<string>
        {
            $"{total.Seeds} seeds from {seed} on, {total.Simulated.TotalSeconds:0} simulated seconds in {elapsed.TotalSeconds:0.0} s ({speed} to one), {total.Batches} committed batches, {total.Operations} API calls",
        };
        lines.AddRange(total.Faults.Counts.Select(f => $"  {f.Value,10} {f.Key}"));
        if (total.Failure is { Failure: { } failure } failed)
        {
            lines.Add($"VIOLATED: {failure.Invariant}");
            lines.Add($"  at {failure.At.TotalSeconds:0.000} s of seed {failed.Seed}: {failure.Message}");
            lines.Add($"  replay: {ReplayCommand(failed)}");
        }
        else
        {
            lines.Add("nothing was violated");
        }
        return string.Join('\n', lines);
    }

    private sealed class Totals
    {
        public int Seeds { get; private set; }

        public TimeSpan Simulated { get; private set; }

        public long Steps { get; private set; }

        public long Operations { get; private set; }

        public ulong Batches { get; private set; }

        public FaultCount Faults { get; } = new();

        public RunResult? Failure { get; private set; }

        public void Add(RunResult run)
        {
            Seeds++;
            Simulated += run.Simulated;
            Steps += run.Steps;
            Operations += run.Operations;
            Batches += run.Index;
            Faults.Add(run.Faults);
            if (run.Failure is not null)
                Failure = run;
        }
    }
}
