using System.Net;
using System.Text;

namespace Skep.Cli.Lab.Experiments;

/// <summary>An experiment on one page that needs nothing else: no script, no file, no network.</summary>
internal static class HtmlReport
{
    private const string Style = """
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
        h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin: 2em 0 .3em }
        svg { width: 100%; font-size: 11px } svg text { fill: currentColor }
        polyline { fill: none; stroke-width: 2; stroke-linejoin: round } .grid { stroke: #8884 } .mark { stroke: #888; stroke-dasharray: 4 3 }
        .legend { margin: 0; font-size: .9em } table { border-collapse: collapse } td { padding: .15em 2em .15em 0; border-bottom: 1px solid #8883; vertical-align: top }
        td:nth-child(2) { text-align: right; font-variant-numeric: tabular-nums }
        @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } }
        """;

    /// <param name="figures">The table's.</param>
    /// <param name="timeline">The curves'.</param>
    /// <param name="marks">Moments that explain the curves.</param>
    public static string Write(Figures figures, Timeline timeline, IReadOnlyList<(double At, string What)> marks)
    {
        var until = new[] { timeline.Running, timeline.ManagerCores, timeline.NodeList, timeline.ServiceList }.Concat(timeline.States.Values)
            .SelectMany(points => points).Select(p => p.At).DefaultIfEmpty(0).Max();
        var title = $"skep lab {figures.Experiment}: {figures.Tasks:#,##0} tasks on {figures.Nodes:#,##0} nodes, {figures.Managers} {(figures.Peer == "skep" ? "skepd" : figures.Peer)} manager{(figures.Managers > 1 ? "s" : "")}";
        var page = new StringBuilder($"""
            <!DOCTYPE html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>{WebUtility.HtmlEncode(title)}</title>
            <style>
            {Style}
            </style>
            <h1>{WebUtility.HtmlEncode(title)}</h1>
            <p>{WebUtility.HtmlEncode(Summary(figures))}</p>

            """);
        void Chart(string heading, string unit, params (string, IReadOnlyList<Point>)[] curves) =>
            page.AppendLine($"<h2>{WebUtility.HtmlEncode(heading)}</h2>").Append(SvgChart.Draw(unit, until, marks, curves));

        Chart("Tasks by state", "tasks",
            [("running, as docker service ls counts", timeline.Running), .. timeline.States.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => ($"{s.Key} on the nodes", s.Value))]);
        Chart("CPU", "cores", ("managers", timeline.ManagerCores), ("agents", timeline.AgentCores));
        Chart("Answers of the API", "ms", ("docker node ls", timeline.NodeList), ("docker service ls", timeline.ServiceList));
        page.AppendLine("<h2>Figures</h2>").AppendLine("<table>");
        foreach (var (name, value) in figures.Rows())
            page.AppendLine($"<tr><td>{WebUtility.HtmlEncode(name)}<td>{WebUtility.HtmlEncode(value)}");
        return page.AppendLine("</table>").AppendLine("</html>").ToString();
    }

    private static string Summary(Figures figures) => figures.RunningS is { } seconds
        ? FormattableString.Invariant($"All {figures.Tasks:#,##0} tasks ran {seconds:0.0} s after the scale command ({figures.Tasks / Math.Max(seconds, 1e-3):#,##0} a second).")
        : FormattableString.Invariant($"Not reached: {figures.TasksRunning:#,##0} of {figures.Tasks:#,##0} tasks ran when the time limit ended it{(figures.EndedWhile is { } phase ? " while " + phase : "")}.");
}
