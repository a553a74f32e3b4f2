using System.Globalization;
using System.Net;
using System.Text;

namespace Skep.Bench.Growth;

/// <summary>A line of a chart; both coordinates above 0.</summary>
internal sealed record Curve(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>
/// Curves with both axes logarithmic, as an SVG file of its own: a constant cost is level, one that is proportional to N rises as the diagonal does. It has
/// no background and follows the reader's light or dark mode, which works in an image of a Markdown page too.
/// </summary>
internal static class LogLogChart
{
    private const double Width = 860, Height = 420, Left = 70, Right = 200, Top = 40, Bottom = 50;
    private const double LabelHeight = 15;

    // Okabe and Ito's colours, told apart with any kind of colour vision; yellow is none of them, since it is not seen on white, and the seventh and eighth are also dashed.
    private static readonly string[] Colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#0072b2", "#d55e00"];
    private const int PlainColors = 6;

    public static string Draw(string title, string axis, IReadOnlyList<Curve> curves)
    {
        List<(double X, double Y)> all = [.. curves.SelectMany(curve => curve.Points)];
        if (all.Count == 0)
            all.Add((1, 1));
        var (left, right) = Decades(all.Select(p => p.X));
        var (bottom, top) = Decades(all.Select(p => p.Y));
        double X(double value) => Left + ((Math.Log10(value) - left) / (right - left) * (Width - Left - Right));
        double Y(double value) => Height - Bottom - ((Math.Log10(value) - bottom) / (top - bottom) * (Height - Top - Bottom));

        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Width}} {{Height}}" width="{{Width}}" height="{{Height}}" role="img" aria-label="{{WebUtility.HtmlEncode(title)}}">
            <style>
            text { font: 13px system-ui, sans-serif; fill: #24292f }
            .title { font-size: 15px; font-weight: 600 }
            .grid { stroke: #8888; stroke-width: .6; fill: none }
            .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round }
            .to { stroke: #8888; stroke-width: .8; fill: none }
            @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
            </style>
            <text class="title" x="{{Left}}" y="22">{{WebUtility.HtmlEncode(title)}}</text>
            <text x="{{Left + ((Width - Left - Right) / 2):0}}" y="{{Height - 10:0}}" text-anchor="middle">{{WebUtility.HtmlEncode(axis)}}</text>
            """);
        for (var power = left; power <= right; power++)
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<path class="grid" d="M{X(Math.Pow(10, power)):0.#} {Top}V{Height - Bottom}"/><text x="{X(Math.Pow(10, power)):0.#}" y="{Height - Bottom + 18}" text-anchor="middle">{Power(power)}</text>""");
        for (var power = bottom; power <= top; power++)
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<path class="grid" d="M{Left} {Y(Math.Pow(10, power)):0.#}H{Width - Right}"/><text x="{Left - 8}" y="{Y(Math.Pow(10, power)) + 4:0.#}" text-anchor="end">{Power(power)}</text>""");

        var labels = Spread([.. curves.Select(curve => Y(curve.Points[^1].Y))]);
        foreach (var (i, curve) in curves.Index())
        {
            var color = Colors[i % Colors.Length];
            var line = string.Join(' ', curve.Points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.X):0.#},{Y(p.Y):0.#}")));
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<polyline class="curve" points="{line}" stroke="{color}"{(i >= PlainColors ? " stroke-dasharray=\"6 4\"" : "")}/>""");
            foreach (var (x, y) in curve.Points)
                svg.Append(CultureInfo.InvariantCulture, $"""<circle cx="{X(x):0.#}" cy="{Y(y):0.#}" r="3.5" fill="{color}"><title>{WebUtility.HtmlEncode(curve.Name)}: {y:0.###} at {x:#,##0}</title></circle>""");
            var (endX, endY) = (X(curve.Points[^1].X), Y(curve.Points[^1].Y));
            svg.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"""<path class="to" d="M{endX + 5:0.#} {endY:0.#}L{Width - Right + 14} {labels[i]:0.#}"/><circle cx="{Width - Right + 20}" cy="{labels[i]:0.#}" r="4" fill="{color}"/><text x="{Width - Right + 29}" y="{labels[i] + 4:0.#}">{WebUtility.HtmlEncode(curve.Name)}</text>""");
        }
        return svg.Append("</svg>\n").ToString();
    }

    // The powers of ten around the values, at least one apart.
    private static (int From, int To) Decades(IEnumerable<double> values)
    {
        double[] logarithms = [.. values.Select(Math.Log10)];
        var (from, to) = ((int)Math.Floor(logarithms.Min() + 1e-9), (int)Math.Ceiling(logarithms.Max() - 1e-9));
        return (from, Math.Max(to, from + 1));
    }

    /// <summary>Heights moved apart so that labels there do not lie on each other: from the top down, and up again where they run out at the bottom.</summary>
    internal static double[] Spread(double[] heights)
    {
        var order = Enumerable.Range(0, heights.Length).OrderBy(i => heights[i]).ToArray();
        var places = (double[])heights.Clone();
        for (var k = 1; k < order.Length; k++)
            places[order[k]] = Math.Max(places[order[k]], places[order[k - 1]] + LabelHeight);
        for (var k = order.Length - 1; k >= 0; k--)
            places[order[k]] = Math.Min(places[order[k]], Height - Bottom - ((order.Length - 1 - k) * LabelHeight));
        return places;
    }

    private static string Power(int power) => power < 0
        ? Math.Pow(10, power).ToString("0.######", CultureInfo.InvariantCulture)
        : power < 6 ? Math.Pow(10, power).ToString("#,##0", CultureInfo.InvariantCulture)
        : Math.Pow(10, power - 6).ToString("#,##0", CultureInfo.InvariantCulture) + "M";
}
