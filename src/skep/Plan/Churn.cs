using System.Globalization;

namespace Skep.Cli.Plan;

/// <summary>Reads --churn: task starts per second, minute, hour or day, such as 10/s, 600/min, 500/h, 2000/d; a number alone is per minute.</summary>
internal static class Churn
{
    /// <returns>Starts per second.</returns>
    /// <exception cref="CliException">It is no rate.</exception>
    public static double Parse(string text)
    {
        var parts = text.Split('/');
        var seconds = parts switch
        {
            [_] or [_, "m" or "min"] => 60,
            [_, "s"] => 1,
            [_, "h"] => 3_600,
            [_, "d"] => 86_400,
            _ => 0,
        };
        return seconds > 0 && double.TryParse(parts[0], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var starts) && starts <= 1e9
            ? starts / seconds
            : throw new CliException($"--churn '{text}' is no number of task starts such as 10/s, 600/min or 5000/d (alone: per minute)");
    }
}
