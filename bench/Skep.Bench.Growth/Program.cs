// What a task and a node cost as their numbers grow; started by bench/growth, in the repository's root.
using System.CommandLine;
using Skep.Bench.Growth;

var names = new Argument<string[]>("case") { Description = "only cases whose name has this in it (lab, parts, 10000-nodes, …)", Arity = ArgumentArity.ZeroOrMore };
var quick = new Option<bool>("--quick") { Description = "a small grid, in artifacts/growth-quick: three minutes, to see that all of it works" };
var again = new Option<bool>("--again") { Description = "measure cases that have their file, too" };
var noRun = new Option<bool>("--no-run") { Description = "measure nothing: list the cases, and show what there is" };
var docs = new Option<bool>("--docs") { Description = "write table and plots into docs/performance.md and docs/images/" };
var command = new RootCommand("""
    Growth: what a task and a node cost at 1k to 1M tasks and 100 to 10,000 nodes (the parts alone: to 100,000).
    Each case has a file in artifacts/growth/; a case that has it is not measured again. Needs root for the lab, and a machine with nothing else to do.
    """) { names, quick, again, noRun, docs };
command.SetAction(parsed =>
{
    if (parsed.GetValue(quick) && parsed.GetValue(docs))
    {
        Console.Error.WriteLine("the docs have the figures of the whole grid; what --quick measured is in artifacts/growth-quick/growth.md");
        return 2;
    }
    var grid = parsed.GetValue(quick) ? Grid.Quick : Grid.Full;
    Directory.CreateDirectory(grid.Folder);
    var wanted = parsed.GetValue(names)!;
    GrowthCase[] chosen = [.. grid.Cases.Where(c => wanted.Length == 0 || wanted.Any(c.Name.Contains))];
    if (chosen.Length == 0)
    {
        Console.Error.WriteLine($"no case has {string.Join(" or ", wanted)} in its name; there are: {string.Join(' ', grid.Cases.Select(c => c.Name))}");
        return 2;
    }
    var failed = new CaseRunner(grid.Folder).Run(chosen, parsed.GetValue(again), parsed.GetValue(noRun));
    var report = new GrowthReport(grid, new Results(grid));
    report.WriteTo(new DirectoryInfo(grid.Folder));
    Console.WriteLine(report.Markdown());
    if (parsed.GetValue(docs))
        report.WriteIntoDocs();
    return failed == 0 ? 0 : 1;
});
return command.Parse(args).Invoke();
