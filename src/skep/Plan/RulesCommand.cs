using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Skep.Cli.Plan;

/// <summary>skep plan rules: what the seed experiments taught, tried by figures.</summary>
internal static class RulesCommand
{
    public static Command Create()
    {
        var options = new PlanOptions();
        var command = new Command("rules", """
            The rules for managers that the Swarm2k and Swarm3k experiments ended with, each with the figure that confirms or refutes it for Skep.

            Examples:
              skep plan rules
              skep plan rules --sites fra-ams=8,fra-lon=14,ams-lon=9 --sync-ms 2 --json
            """) { options.Sites, options.SyncMs, options.Seed, options.Json };
        command.SetAction((arguments, _) => CliException.GuardAsync(() =>
        {
            var measured = MeasuredCosts.Load();
            var rules = Rules(measured, options.ReadSites(arguments), options.ReadDisk(arguments, measured.Costs), arguments.GetValue(options.Seed));
            if (arguments.GetValue(options.Json))
                Console.WriteLine(ToJson(rules, measured.Measurement).ToJsonString());
            else
                Print(rules, measured.Measurement, AnsiConsole.Console);
            return Task.CompletedTask;
        }));
        return command;
    }

    internal static IReadOnlyList<SeedRule> Rules(MeasuredCosts measured, SiteMap sites, DiskSync disk, int seed)
    {
        var model = new CapacityModel(measured);
        var sizes = new SizeRules(model, new Uncertainty(model, measured.Checks));
        var topologies = new TopologyRules(model, sites, disk, seed);
        return [sizes.SmallMachines, sizes.LargeMachines, topologies.OddNumbers, topologies.QuorumOnFastLinks, sizes.Drained];
    }

    private static void Print(IReadOnlyList<SeedRule> rules, Measurement measurement, IAnsiConsole console)
    {
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 140;
        var table = new Table { Border = TableBorder.Simple, ShowRowSeparators = true };
        table.AddColumns("rule", "verdict", "figure");
        foreach (var rule in rules)
            table.AddRow(Markup.Escape(rule.Rule), InWords(rule.Verdict), Markup.Escape(rule.Figure));
        console.Write(table);
        console.MarkupLineInterpolated($"Stands on: {measurement.Source}, measured {measurement.Date} on {measurement.Machine}; {measurement.Conditions}.");
    }

    private static JsonObject ToJson(IReadOnlyList<SeedRule> rules, Measurement measurement) => new()
    {
        ["rules"] = new JsonArray([.. rules.Select(rule => new JsonObject { ["rule"] = rule.Rule, ["verdict"] = InWords(rule.Verdict), ["figure"] = rule.Figure })]),
        ["measured"] = measurement.Date,
        ["machine"] = measurement.Machine,
    };

    private static string InWords(Verdict verdict) => verdict switch
    {
        Verdict.Holds => "holds",
        Verdict.HoldsInPart => "holds in part",
        Verdict.Refuted => "refuted",
        _ => "not tried",
    };
}
