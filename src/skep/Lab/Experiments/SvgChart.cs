using System.Globalization;
using System.Net;
using System.Text;

namespace Skep.Cli.Lab.Experiments;

/// <summary>Curves over time as an SVG element.</summary>
internal static class SvgChart
{
    private const double Width = 900, Height = 260, Left = 80, Right = 20, Top = 10, Bottom = 30;
    private const int GridLines = 4;
    private const int TimeTicks = 8;

    /// <summary>Told apart with any kind of colour vision (Okabe and Ito).</summary>
    private static readonly string[] Colors = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999"];

    /// <param name="unit">Of the values.</param>
    /// <param name="until">Seconds at the right edge.</param>
    /// <param name="marks">Moments to be marked by a line: seconds and what happened.</param>
    /// <param name="curves">Name and points of each; those without points are left out.</param>
    public static string Draw(string unit, double until, IReadOnlyList<(double At, string What)> marks, IReadOnlyList<(string Name, IReadOnlyList<Point> Points)> curves)
    {
        var drawn = curves.Where(c => c.Points.Count > 0).ToList();
        var top = RoundUp(drawn.SelectMany(c => c.Points).Select(p => p.Value).DefaultIfEmpty(0).Max());
        var end = Math.Max(until, 1e-3);
        double X(double at) => Left + (Math.Clamp(at / end, 0, 1) * (Width - Left - Right));
        double Y(double value) => Height - Bottom - (value / top * (Height - Top - Bottom));

        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg viewBox="0 0 {Width} {Height}" role="img">""").AppendLine();
        for (var i = 0; i <= GridLines; i++)
        {
            var value = top * i / GridLines;
            svg.Append(CultureInfo.InvariantCulture, $"""<path class="grid" d="M{Left} {Y(value):0.#}H{Width - Right}"/><text x="{Left - 6}" y="{Y(value) + 4:0.#}" text-anchor="end">{value:#,##0.##}{(i == GridLines ? " " + WebUtility.HtmlEncode(unit) : "")}</text>""");
        }
        var step = RoundUp(end / TimeTicks);
        for (var at = 0.0; at <= end; at += step)
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{X(at):0.#}" y="{Height - 8}" text-anchor="middle">{at:0.##} s</text>""");
        svg.AppendLine();
        foreach (var (at, what) in marks)
        {
            // Its text goes where there is room for it.
            var (x, isNearEnd) = (X(at), at > end * 0.8);
            svg.Append(CultureInfo.InvariantCulture, $"""<path class="mark" d="M{x:0.#} {Top}V{Height - Bottom}"/><text x="{x + (isNearEnd ? -4 : 4):0.#}" y="{Top + 10}" text-anchor="{(isNearEnd ? "end" : "start")}">{WebUtility.HtmlEncode(what)}</text>""").AppendLine();
        }
        for (var i = 0; i < drawn.Count; i++)
        {
            var line = string.Join(' ', drawn[i].Points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.At):0.#},{Y(p.Value):0.#}")));
            svg.Append(CultureInfo.InvariantCulture, $"""<polyline points="{line}" stroke="{ColorOf(i)}"/>""").AppendLine();
        }
        svg.AppendLine("</svg>").Append("<p class=\"legend\">");
        for (var i = 0; i < drawn.Count; i++)
            svg.Append(CultureInfo.InvariantCulture, $"""<span style="color:{ColorOf(i)}">&#9632;</span> {WebUtility.HtmlEncode(drawn[i].Name)} """);
        return svg.AppendLine("</p>").ToString();
    }

    private static string ColorOf(int curve) => Colors[curve % Colors.Length];

    /// <summary>To a short number of no more than two digits, so that the grid has round numbers.</summary>
    internal static double RoundUp(double value)
    {
        if (value <= 0)
            return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        foreach (var step in (double[])[1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8])
        {
            if (value <= step * power)
                return step * power;
        }
        return 10 * power;
    }
}
