using System.Globalization;

namespace Skep.Cli.Plan;

/// <summary>
/// Reads --sites: links with their round trip in milliseconds, such as <c>fra-ams=8,fra-lon=14,ams-lon=9</c>. <c>fra=0.5</c> is the round trip
/// inside a site, and <c>fra</c> alone a site without other links.
/// </summary>
internal static class SitesSpec
{
    /// <summary>Two machines in one datacenter.</summary>
    public static readonly TimeSpan DefaultInside = TimeSpan.FromMilliseconds(0.3);

    /// <summary>More than this and every layout of the managers could not be looked at any more.</summary>
    public const int MaxSites = 7;

    // An election begins after 1 s of silence and takes two round trips; what is longer elects nobody reliably.
    private const double MaxMilliseconds = 300;

    /// <exception cref="CliException">A part cannot be read, a link is missing, or there are too many sites.</exception>
    public static SiteMap Parse(string text)
    {
        var names = new List<string>();
        var given = new Dictionary<(int, int), TimeSpan>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (link, value) = part.Split('=') switch
            {
                [var name] when !name.Contains('-', StringComparison.Ordinal) => (name, null),
                [var name, var number] => (name, number),
                _ => throw Unreadable(part),
            };
            var ends = link.Split('-');
            if (ends is not ([_] or [_, _]) || ends.Any(e => e.Length == 0 || !e.All(char.IsLetterOrDigit)))
                throw Unreadable(part);
            var (from, to) = (IndexOf(names, ends[0]), IndexOf(names, ends[^1]));
            if (ends.Length == 2 && from == to)
                throw new CliException($"--sites '{part}' links a site with itself: write {ends[0]}=MS for the round trip inside it");
            if (value is not null && !given.TryAdd((Math.Min(from, to), Math.Max(from, to)), Milliseconds(part, value)))
                throw new CliException($"--sites names {link} twice");
        }
        if (names.Count is 0 or > MaxSites)
            throw new CliException($"--sites names {names.Count} sites; 1 to {MaxSites} can be planned");

        var roundTrips = new TimeSpan[names.Count, names.Count];
        for (var a = 0; a < names.Count; a++)
        {
            for (var b = a; b < names.Count; b++)
            {
                roundTrips[a, b] = roundTrips[b, a] = given.TryGetValue((a, b), out var roundTrip) ? roundTrip
                    : a == b ? DefaultInside
                    : throw new CliException($"--sites lacks the link {names[a]}-{names[b]}=MS");
            }
        }
        return new SiteMap(names, roundTrips);
    }

    private static int IndexOf(List<string> names, string name)
    {
        var index = names.IndexOf(name);
        if (index >= 0)
            return index;
        names.Add(name);
        return names.Count - 1;
    }

    private static TimeSpan Milliseconds(string part, string text) =>
        double.TryParse(text.EndsWith("ms", StringComparison.Ordinal) ? text[..^2] : text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            && value is > 0 and <= MaxMilliseconds
            ? TimeSpan.FromMilliseconds(value)
            : throw new CliException($"--sites '{part}' has no round trip of up to {MaxMilliseconds} ms");

    private static CliException Unreadable(string part) => new($"--sites '{part}' is no link such as fra-ams=8 (round trip in ms)");
}
