using System.Text.RegularExpressions;

namespace Skep.Manager.Control;

/// <summary>What objects may be called.</summary>
internal static partial class Names
{
    /// <summary>Services and networks: their names are host names in the cluster's DNS.</summary>
    public static void RequireDnsName(Wire.Annotations? annotations)
    {
        var name = annotations?.Name ?? "";
        if (name.Length == 0)
            throw Refusals.InvalidArgument("meta: name must be provided");
        if (!DnsName().IsMatch(name))
            throw Refusals.InvalidArgument("name must be valid as a DNS name component");
        if (name.Length > 63)
            throw Refusals.InvalidArgument("name must be 63 characters or fewer");
    }

    /// <summary>Secrets and configs: their names are file names.</summary>
    public static void RequireFileName(Wire.Annotations? annotations)
    {
        var name = annotations?.Name ?? "";
        if (name.Length == 0)
            throw Refusals.InvalidArgument("name must be provided");
        if (name.Length > 64 || !FileName().IsMatch(name))
            throw Refusals.InvalidArgument("invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]");
    }

    public static bool AreSame(string a, string b) => a.Equals(b, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"^[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex DnsName();

    [GeneratedRegex(@"^[a-zA-Z0-9](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex FileName();
}
