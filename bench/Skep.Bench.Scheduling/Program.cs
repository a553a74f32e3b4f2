// How fast the leader's loop gives tasks their nodes: the cases of SwarmKit's own benchmark and a million tasks.
//   dotnet run -c Release --project bench/Skep.Bench.Scheduling [CASE… | --nodes N --tasks N] [--rounds N] [--results FILE]
using System.CommandLine;
using System.Globalization;
using Skep.Bench.Scheduling;

var names = new Argument<string[]>("case") { Description = "cases by name or part of it (100k-nodes, one-off, …); without any, all", Arity = ArgumentArity.ZeroOrMore };
var nodes = new Option<int?>("--nodes") { Description = "a case of this size instead, with --tasks: tasks of one service, without constraints" };
var tasks = new Option<int?>("--tasks") { Description = "its tasks" };
var rounds = new Option<int>("--rounds") { Description = "rounds of each case after one that warms up; the median counts", DefaultValueFactory = _ => 3 };
var results = new Option<FileInfo?>("--results") { Description = "append a JSON line for each case, for bench/compare" };
var command = new RootCommand("Scheduler alone: the cases of SwarmKit's benchmark on Skep's SchedulingRule and loop.") { names, nodes, tasks, rounds, results };
command.SetAction(parsed =>
{
    var wanted = parsed.GetValue(names)!;
    var (ownNodes, ownTasks) = (parsed.GetValue(nodes), parsed.GetValue(tasks));
    if ((ownNodes is null) != (ownTasks is null) || (ownNodes is not null && wanted.Length > 0))
    {
        Console.Error.WriteLine("--nodes and --tasks belong together, and are instead of a case's name");
        return 1;
    }
    SchedulingCase[] chosen = ownNodes is not null ? [new(ownNodes.Value, ownTasks!.Value, Constrained: false, OneOff: false)] : [.. SchedulingCase.All.Where(c => wanted.Length == 0 || wanted.Contains(c.Name) || (!SchedulingCase.All.Any(other => wanted.Contains(other.Name)) && wanted.Any(c.Name.Contains)))];
    if (chosen.Length == 0)
    {
        Console.Error.WriteLine($"no case is called {string.Join(" or ", wanted)}; there are: {string.Join(' ', SchedulingCase.All.Select(c => c.Name))}");
        return 1;
    }
    Console.WriteLine($"{"case",-40} {"seconds",8} {"CPU s",8} {"tasks/s",10} {"longest turn",13} {"log",9} {"SwarmKit",9} {"ratio",9}");
    foreach (var one in chosen)
    {
        var measured = one.Run(parsed.GetValue(rounds));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{one.Name,-40} {measured.Seconds,8:F3} {measured.CpuS,8:F3} {one.Tasks / measured.Seconds,10:F0} {measured.LongestTurnMs,10:F0} ms {measured.Bytes / 1e6,6:F1} MB {(one.StockSeconds is { } stock ? $"{stock:F0} s" : ""),9} {(one.StockSeconds is { } s ? $"1/{s / measured.Seconds:F0}" : ""),9}"));
        measured.AppendTo(parsed.GetValue(results));
    }
    return 0;
});
return command.Parse(args).Invoke();
