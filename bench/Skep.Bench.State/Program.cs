// What the state costs, apart from the log and the network: applying, encoding, snapshots, a new leader's beginning.
//   dotnet run -c Release --project bench/Skep.Bench.State [CASE…] [--tasks N] [--nodes N] [--rounds N] [--results FILE]
using System.CommandLine;
using System.Globalization;
using Skep.Bench.State;

const int StandardNodes = 1_000;
var names = new Argument<string[]>("case") { Description = $"cases; without any, all: {string.Join(' ', StateCases.All.Select(c => c.Name))}", Arity = ArgumentArity.ZeroOrMore };
var tasks = new Option<int?>("--tasks") { Description = "other than a case's own number of tasks" };
var nodes = new Option<int>("--nodes") { Description = "nodes that have the tasks", DefaultValueFactory = _ => StandardNodes };
var rounds = new Option<int>("--rounds") { Description = "rounds of each case after one that warms up; the median counts", DefaultValueFactory = _ => 3 };
var results = new Option<FileInfo?>("--results") { Description = "append a JSON line for each case, for bench/compare" };
var command = new RootCommand("The state alone: applying batches, encoding them, snapshots, what a new leader does first.") { names, tasks, nodes, rounds, results };
command.SetAction(parsed =>
{
    var wanted = parsed.GetValue(names)!;
    if (wanted.FirstOrDefault(name => !StateCases.All.Any(c => c.Name == name)) is { } unknown)
    {
        Console.Error.WriteLine($"no case is called {unknown}; there are: {string.Join(' ', StateCases.All.Select(c => c.Name))}");
        return 1;
    }
    foreach (var (name, standard, run) in StateCases.All.Where(c => wanted.Length == 0 || wanted.Contains(c.Name)))
    {
        var count = parsed.GetValue(tasks) ?? standard;
        var size = new StateSize(parsed.GetValue(nodes), count);
        var measured = run($"{name}-{count / 1000}k-tasks{(size.Nodes == StandardNodes ? "" : $"-{size.Nodes}-nodes")}", size, parsed.GetValue(rounds));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{measured.Case,-40} {measured.Seconds,7:F3} s {measured.CpuS,7:F3} s CPU {measured.Count / measured.Seconds,10:F0}/s {measured.Bytes / 1e6,7:F1} MB {(measured.PeakMb is { } peak ? $"{peak,6:F0} MB of memory" : "")}"));
        measured.AppendTo(parsed.GetValue(results));
    }
    return 0;
});
return command.Parse(args).Invoke();
