using System.Text.RegularExpressions;

namespace Skep.Manager.Control;

/// <summary>The grammar of image references, after the distribution project's: [host[:port]/]path[:tag][@digest].</summary>
internal static partial class ImageReference
{
    /// <summary>Of the name without tag and digest; the rest may be some 400 characters more.</summary>
    private const int MaxName = 255;
    private const int MaxLength = 1024;

    public static bool IsValid(string reference)
    {
        if (reference.Length > MaxLength || ImageId().IsMatch(reference))
            return false;
        var (host, remainder) = SplitHost(reference);
        if (host.Length > 0 && !Host().IsMatch(host))
            return false;
        var match = PathTagDigest().Match(remainder);
        return match.Success && host.Length + match.Groups["path"].Length < MaxName;
    }

    /// <summary>The first part is a host if it cannot be the first part of a path: "web/app" has none, "web:5000/app" has.</summary>
    private static (string Host, string Remainder) SplitHost(string reference)
    {
        var slash = reference.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
            return ("", reference);
        var first = reference[..slash];
        var isHost = first == "localhost" || first.AsSpan().ContainsAny('.', ':') || first.Any(char.IsAsciiLetterUpper);
        return isHost ? (first, reference[(slash + 1)..]) : ("", reference);
    }

    /// <summary>64 hexadecimal digits would be taken for an image id.</summary>
    [GeneratedRegex(@"^[a-f0-9]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ImageId();

    [GeneratedRegex(@"^(?:\[[a-fA-F0-9:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Host();

    [GeneratedRegex(@"^(?<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(?:@[a-zA-Z][a-zA-Z0-9]*(?:[-_+.][a-zA-Z][a-zA-Z0-9]*)*:[a-fA-F0-9]{32,})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex PathTagDigest();
}
