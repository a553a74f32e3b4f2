using System.Xml.Linq;
using Skep.Cli.Lab.Experiments;
using Xunit;

namespace Skep.UnitTests.Lab;

public sealed class ChartTests
{
    [Fact]
    public void A_ramp_becomes_a_ramp_of_60_by_12()
    {
        var chart = TerminalChart.Draw("Title", [.. Enumerable.Range(0, 101).Select(i => new Point(5 + (i / 10.0), i * 1000))]);
        var lines = chart.Split(Environment.NewLine);
        Assert.Equal("Title", lines[0]);
        var rows = lines[1..13].Select(l => l[(l.IndexOf('|', StringComparison.Ordinal) + 1)..]).ToList();
        Assert.StartsWith("   100,000 |", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("         0 |", lines[12], StringComparison.Ordinal);
        Assert.All(rows, row => Assert.Equal(60, row.Length));
        // Each row down has more of it, and every row is bare on the left only.
        var bars = rows.Select(row => row.Count(c => c == '#')).ToList();
        Assert.Equal(bars.Order(), bars);
        Assert.All(rows, row => Assert.Equal(row.TrimStart(), row.Trim('#', ' ').Length == 0 ? new string('#', row.Count(c => c == '#')) : ""));
        Assert.InRange(bars[0], 1, 5);
        Assert.InRange(bars[^1], 56, 59);
        Assert.EndsWith("10.0 s", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_holds_until_the_next()
    {
        var chart = TerminalChart.Draw("", [new Point(0, 0), new Point(5, 10), new Point(10, 10)]);
        var top = chart.Split(Environment.NewLine)[1];
        Assert.Equal(31, top.Count(c => c == '#'));
    }

    [Fact]
    public void Nothing_to_draw_is_no_chart()
    {
        Assert.Equal("", TerminalChart.Draw("", []));
        Assert.Equal("", TerminalChart.Draw("", [new Point(1, 1)]));
        Assert.Equal("", TerminalChart.Draw("", [new Point(1, 1), new Point(1, 2)]));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3.1, 4)]
    [InlineData(100_000, 100_000)]
    [InlineData(101_000, 120_000)]
    [InlineData(85, 100)]
    [InlineData(0.9, 1)]
    public void Axes_end_on_round_numbers(double value, double top) => Assert.Equal(top, SvgChart.RoundUp(value), 9);

    [Fact]
    public void Curves_stay_inside_and_texts_are_escaped()
    {
        var svg = SvgChart.Draw("tasks", 10, [(5, "a < b")], [("x & y", [new Point(0, 0), new Point(10, 100)]), ("none", [])]);
        var picture = XElement.Parse(svg[..(svg.IndexOf("</svg>", StringComparison.Ordinal) + 6)]);
        var line = Assert.Single(picture.Elements("polyline"));
        Assert.Equal("80,230 880,10", line.Attribute("points")!.Value);
        Assert.Contains(picture.Elements("text"), text => text.Value == "a < b");
        Assert.Contains("x &amp; y", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("none", svg, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_needs_nothing_else()
    {
        var timeline = new Timeline { States = new Dictionary<string, IReadOnlyList<Point>> { ["starting"] = [new Point(1, 5), new Point(2, 0)] } };
        timeline.AddRunning(1, 0);
        timeline.AddRunning(2, 100_000);
        timeline.AddCpu(1, 1, 2);
        timeline.AddCpu(2, 2, 2.5);
        timeline.AddNodeList(1.5, 20);
        var page = HtmlReport.Write(FiguresTests.Example with { Experiment = "<script>" }, timeline, [(1, "scale")]);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        foreach (var outside in new[] { "http:", "https:", "src=", "href=", "url(", "@import" })
            Assert.DoesNotContain(outside, page, StringComparison.Ordinal);
        Assert.Equal(3, page.Split("<svg").Length - 1);
        Assert.Contains("13,333 a second", page, StringComparison.Ordinal);
        Assert.Contains("starting on the nodes", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Cores_in_use_are_seconds_by_second()
    {
        var timeline = new Timeline();
        timeline.AddCpu(1, 1, 2);
        timeline.AddCpu(1, 1, 2);
        timeline.AddCpu(3, 4, 2.5);
        Assert.Equal([new Point(3, 1.5)], timeline.ManagerCores);
        Assert.Equal([new Point(3, 0.25)], timeline.AgentCores);
    }
}
