using System.CommandLine;
using Spectre.Console;

namespace Skep.Cli.Plan;

/// <summary>skep plan capacity: what managers a cluster needs, and where to put them.</summary>
internal static class CapacityCommand
{
    public static Command Create()
    {
        var options = new PlanOptions();
        var command = new Command("capacity", """
            Predicts what managers take (CPU, memory, log, network) for so many nodes, tasks and task starts, and recommends their number, size and
            places: which failures each topology survives (every case counted), and how long commits take over the given links (simulated with the Raft
            core that skepd runs). It says which measurement that stands on and how far off it may be.

            Examples:
              skep plan capacity --nodes 1000 --tasks 40000 --churn 10/s
              skep plan capacity --nodes 5000 --tasks 1000000 --churn 600/min --managers 5 --json
              skep plan capacity --nodes 300 --tasks 5000 --churn 2000/d --sites fra-ams=8,fra-lon=14,ams-lon=9 --survive site+manager
              skep plan capacity --nodes 300 --tasks 5000 --sites fra-ams=8,fra-lon=14,ams-lon=9 --managers 2+2+1 --sync-ms 2
            """)
        {
            options.Nodes, options.Tasks, options.Churn, options.Managers, options.Sites, options.Survive, options.SyncMs, options.Seed, options.Json,
        };
        command.SetAction((arguments, _) => CliException.GuardAsync(() =>
        {
            var measured = MeasuredCosts.Load();
            var plan = new CapacityPlan(options.Read(arguments, measured.Costs), measured);
            if (arguments.GetValue(options.Json))
                Console.WriteLine(CapacityJson.Of(plan).ToJsonString());
            else
                new CapacityReport(plan).Print(AnsiConsole.Console);
            return Task.CompletedTask;
        }));
        return command;
    }
}
