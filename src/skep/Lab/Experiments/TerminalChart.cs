using System.Globalization;
using System.Text;

namespace Skep.Cli.Lab.Experiments;

/// <summary>A curve in plain text.</summary>
internal static class TerminalChart
{
    private const int Width = 60;
    private const int Height = 12;
    private const int LabelWidth = 10;

    /// <param name="title">Above it.</param>
    /// <param name="points">In order of time; the first is the left edge, and the value holds until the next.</param>
    /// <returns>Empty when there are no two moments to draw between.</returns>
    public static string Draw(string title, IReadOnlyList<Point> points)
    {
        if (points.Count < 2 || points[^1].At <= points[0].At)
            return "";
        var (from, to) = (points[0].At, points[^1].At);
        var top = Math.Max(points.Max(p => p.Value), 1);
        var columns = Columns(points, from, to);
        var text = new StringBuilder().AppendLine(title);
        for (var row = Height; row >= 1; row--)
        {
            var label = row == Height ? Text(top) : row == 1 ? "0" : row == (Height + 1) / 2 ? Text(top * row / Height) : "";
            text.Append(label.PadLeft(LabelWidth)).Append(" |");
            // A row is filled from the middle of its step on, so that the least value above 0 is not yet a bar of full height.
            foreach (var value in columns)
                text.Append(value / top * Height >= row - 0.5 ? '#' : ' ');
            while (text[^1] == ' ')
                text.Length--;
            text.AppendLine();
        }
        var end = string.Create(CultureInfo.InvariantCulture, $"{to - from:0.0} s");
        return text.Append(' ', LabelWidth + 1).Append('+').Append('-', Width).AppendLine()
            .Append(' ', LabelWidth + 2).Append('0').Append(end.PadLeft(Width - 1)).ToString();
    }

    /// <summary>The value at the end of each column's span.</summary>
    private static double[] Columns(IReadOnlyList<Point> points, double from, double to)
    {
        var columns = new double[Width];
        for (var (column, at) = (0, 0); column < Width; column++)
        {
            var end = from + ((to - from) * (column + 1) / Width);
            while (at + 1 < points.Count && points[at + 1].At <= end)
                at++;
            // Rounding must not keep the last one out.
            columns[column] = points[column == Width - 1 ? points.Count - 1 : at].Value;
        }
        return columns;
    }

    private static string Text(double value) => value.ToString("#,##0", CultureInfo.InvariantCulture);
}
