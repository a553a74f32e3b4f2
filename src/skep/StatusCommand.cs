using System.CommandLine;
using Spectre.Console;

namespace Skep.Cli;

/// <summary>skep status: nodes and services at a glance.</summary>
internal static class StatusCommand
{
    public static Command Create(Option<string?> host)
    {
        var json = new Option<bool>("--json") { Description = "One JSON object instead of a picture" };
        var command = new Command("status", "Nodes and services at a glance. Example: skep status --json") { json };
        command.SetAction((arguments, cancellation) => RunAsync(arguments.GetValue(host), arguments.GetValue(json), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string? host, bool json, CancellationToken cancellation)
    {
        try
        {
            using var api = DockerApi.Connect(host);
            var status = ClusterStatus.From(await api.GetAsync("/v1.41/nodes", cancellation), await api.GetAsync("/v1.41/services?status=true", cancellation));
            if (json)
                Console.WriteLine(status.ToJson().ToJsonString());
            else
                Show(status);
            return 0;
        }
        catch (CliException e)
        {
            await Console.Error.WriteLineAsync("skep: " + e.Message);
            return 1;
        }
    }

    private static void Show(ClusterStatus status)
    {
        var ready = status.Nodes.Count(n => n.State == "ready");
        AnsiConsole.MarkupLineInterpolated($"[bold]{ready}[/] of {status.Nodes.Count} nodes ready, leader [bold]{status.Leader ?? "none"}[/]");
        foreach (var node in status.Nodes.Where(n => n.State != "ready" || n.Availability != "active"))
            AnsiConsole.MarkupLineInterpolated($"  [yellow]{node.Hostname}[/]: {node.State}, {node.Availability}");
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("service", "running", "wanted");
        foreach (var service in status.Services)
        {
            var color = service.Running >= service.Desired ? "green" : "red";
            table.AddRow(Markup.Escape(service.Name), $"[{color}]{service.Running}[/]", $"{service.Desired}");
        }
        if (status.Services.Count > 0)
            AnsiConsole.Write(table);
        AnsiConsole.MarkupLine(status.IsWhole ? "[green]every service has all its tasks[/]" : "[red]some services lack tasks[/]: docker service ps NAME says why");
    }
}
