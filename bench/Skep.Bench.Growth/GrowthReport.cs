using System.Globalization;
using System.Text;

namespace Skep.Bench.Growth;

/// <summary>The figures as tables (Markdown) and plots (SVG).</summary>
internal sealed class GrowthReport(Grid grid, Results results)
{
    private const string Document = "docs/performance.md";
    private const string Images = "docs/images";
    private const string Begin = "<!-- growth: what follows is written by bench/growth --docs -->";
    private const string End = "<!-- growth: end -->";

    private static readonly Figure[] WholeByTasks = [Figure.TaskCpu, Figure.TaskLog, Figure.Memory, Figure.Running];
    private static readonly Figure[] WholeByNodes = [Figure.TaskCpu, Figure.TaskLog, Figure.JoinCpu, Figure.IdleCpu, Figure.Memory, Figure.Joined, Figure.Running];
    private static readonly Figure[] PartsCpu = [Figure.Schedule, Figure.Apply, Figure.Encode, Figure.Parse, Figure.SnapshotWrite, Figure.SnapshotRead, Figure.Rebuild];
    private static readonly Figure[] PartsBytes = [Figure.LogBytes, Figure.SnapshotBytes, Figure.MemoryBytes];

    private string AtNodes => string.Create(CultureInfo.InvariantCulture, $"{grid.AtNodes:#,##0} nodes");

    private string AtTasks => string.Create(CultureInfo.InvariantCulture, $"{grid.AtTasks:#,##0} tasks");

    private IEnumerable<(string Name, string Svg)> Plots =>
    [
        ("growth-cpu-tasks.svg", Plot($"CPU a task, us: {AtNodes}", "tasks", grid.TaskSizes, size => size.Tasks, [Figure.TaskCpu, .. PartsCpu])),
        ("growth-cpu-nodes.svg", Plot($"CPU, us: {AtTasks}", "nodes", grid.NodeSizes, size => size.Nodes, [Figure.TaskCpu with { Label = "a task, whole manager" }, Figure.JoinCpu, Figure.IdleCpu, Figure.Schedule with { Label = "a task scheduled" }, Figure.Apply with { Label = "a task applied" }])),
        ("growth-bytes-tasks.svg", Plot($"Bytes a task: {AtNodes}", "tasks", grid.TaskSizes, size => size.Tasks, [Figure.TaskLog with { Label = "whole manager's log" }, .. PartsBytes])),
    ];

    /// <summary>Tables, commands and plots, for a page beside <c>images/</c>.</summary>
    public string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"All of it: `bench/growth --docs` (as root, nothing else running){(results.Origin is { } origin ? $"; measured {origin}" : "")}. The last column is the last size's cost by the first's.").AppendLine();
        Table(text, $"Tasks grow, {AtNodes}; whole", grid.TaskSizes, size => size.Tasks, WholeByTasks);
        Table(text, $"Nodes grow, {AtTasks}; whole", grid.NodeSizes.Where(size => grid.Cases.Contains(new GrowthCase(GrowthCase.Lab, size))), size => size.Nodes, WholeByNodes);
        Table(text, $"Tasks grow, {AtNodes}; parts", grid.TaskSizes, size => size.Tasks, [.. PartsCpu, .. PartsBytes]);
        Table(text, $"Nodes grow, {AtTasks}; parts", grid.NodeSizes, size => size.Nodes, [.. PartsCpu, .. PartsBytes]);
        foreach (var (name, _) in Plots)
            text.AppendLine(CultureInfo.InvariantCulture, $"![{Path.GetFileNameWithoutExtension(name).Replace('-', ' ')}, both axes logarithmic](images/{name})").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            | figures | command (N nodes, T tasks) |
            | --- | --- |
            | whole, all rows | `skep lab c1m --nodes N --tasks T --idle {GrowthCase.IdleSeconds} --html none --json`; a cost per task or node is less what `--nodes 1 --tasks 1` takes |
            | scheduled | `DOTNET_TieredCompilation=0 dotnet run -c Release --project bench/Skep.Bench.Scheduling -- --nodes N --tasks T` |
            | the other parts | `DOTNET_TieredCompilation=0 dotnet run -c Release --project bench/Skep.Bench.State -- {GrowthCase.PartsOfState} --nodes N --tasks T` |
            """);
        return text.ToString().TrimEnd();
    }

    /// <summary>growth.md and its plots, to look at before they go into the docs.</summary>
    public void WriteTo(DirectoryInfo folder)
    {
        File.WriteAllText(Path.Combine(folder.FullName, "growth.md"), Markdown() + "\n");
        WriteImages(folder.CreateSubdirectory("images").FullName);
    }

    /// <exception cref="InvalidDataException">The page does not have the marks between which it goes.</exception>
    public void WriteIntoDocs()
    {
        var page = File.ReadAllText(Document);
        var (begin, end) = (page.IndexOf(Begin, StringComparison.Ordinal), page.IndexOf(End, StringComparison.Ordinal));
        if (begin < 0 || end < begin)
            throw new InvalidDataException($"{Document} has no line '{Begin}' and after it '{End}'");
        File.WriteAllText(Document, page[..(begin + Begin.Length)] + "\n" + Markdown() + "\n" + page[end..]);
        Directory.CreateDirectory(Images);
        WriteImages(Images);
    }

    private void WriteImages(string folder)
    {
        foreach (var (name, svg) in Plots)
            File.WriteAllText(Path.Combine(folder, name), svg);
    }

    private string Plot(string title, string axis, IEnumerable<Size> sizes, Func<Size, int> number, Figure[] figures) =>
        LogLogChart.Draw(title, axis, [.. figures.Select(figure => new Curve(figure.Label,
            [.. sizes.Select(size => (X: (double)number(size), Y: figure.Of(results, size))).Where(p => p.Y > 0).Select(p => (p.X, p.Y!.Value))])).Where(curve => curve.Points.Count > 0)]);

    private void Table(StringBuilder text, string title, IEnumerable<Size> sizes, Func<Size, int> number, Figure[] figures)
    {
        Size[] columns = [.. sizes];
        text.Append(CultureInfo.InvariantCulture, $"| {title} |");
        foreach (var size in columns)
            text.Append(CultureInfo.InvariantCulture, $" {number(size):#,##0} |");
        text.AppendLine(" last / first |").Append("| --- |");
        for (var i = 0; i <= columns.Length; i++)
            text.Append(" ---: |");
        text.AppendLine();
        foreach (var figure in figures)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {figure.Title} |");
            foreach (var size in columns)
                text.Append(CultureInfo.InvariantCulture, $" {Figure.Text(figure.Of(results, size))} |");
            var ratio = figure.Of(results, columns[^1]) / figure.Of(results, columns[0]);
            text.AppendLine(CultureInfo.InvariantCulture, $" {Figure.Text(ratio)} |");
        }
        text.AppendLine();
    }
}
