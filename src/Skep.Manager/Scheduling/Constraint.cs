using System.Net;
using System.Text.RegularExpressions;

namespace Skep.Manager.Scheduling;

/// <summary>
/// One placement constraint: <c>key == value</c> or <c>key != value</c>. Keys and values are compared without case, the names of
/// labels with it; a missing fact counts as the empty value. There are no globs. Rules and texts: SwarmKit's manager/constraint.
/// </summary>
public sealed partial class Constraint
{
    private const string NodeLabels = "node.labels.";
    private const string EngineLabels = "engine.labels.";

    private readonly string _key;
    private readonly bool _equal;
    private readonly string _value;

    private Constraint(string key, bool equal, string value)
    {
        _key = key;
        _equal = equal;
        _value = value;
    }

    /// <summary>Parses the constraints of a placement.</summary>
    /// <exception cref="FormatException">One is malformed; the message is what the stock manager says.</exception>
    public static IReadOnlyList<Constraint> Parse(IEnumerable<string> expressions) => [.. expressions.Select(Parse)];

    /// <summary>Whether a node satisfies all of them.</summary>
    /// <param name="constraints">What is asked.</param>
    /// <param name="node">The node.</param>
    /// <param name="role">The role it is known by: a host of a manager is a manager, though its engine joined as a worker.</param>
    public static bool Match(IReadOnlyList<Constraint> constraints, Wire.Node node, Wire.NodeRole role)
    {
        foreach (var constraint in constraints)
        {
            if (!constraint.Matches(node, role))
                return false;
        }
        return true;
    }

    public override string ToString() => $"{_key}{(_equal ? "==" : "!=")}{_value}";

    private static Constraint Parse(string expression)
    {
        // "==" is looked for first, wherever it stands: a==b!=c compares a with "b!=c" (and is refused for its value).
        var equal = expression.Contains("==", StringComparison.Ordinal);
        var at = expression.IndexOf(equal ? "==" : "!=", StringComparison.Ordinal);
        if (at < 0)
            throw new FormatException("constraint expected one operator from ==, !=");
        var key = expression[..at].Trim();
        if (!KeyPattern().IsMatch(key))
            throw new FormatException($"key '{key}' is invalid");
        var value = expression[(at + 2)..].Trim();
        if (!ValuePattern().IsMatch(value))
            throw new FormatException($"value '{value}' is invalid");
        return new Constraint(key, equal, value);
    }

    private bool Matches(Wire.Node node, Wire.NodeRole role)
    {
        if (KeyIs("node.id"))
            return Compare(node.Id);
        if (KeyIs("node.hostname"))
            return Compare(node.Description?.Hostname);
        if (KeyIs("node.ip"))
            return MatchesAddress(node.Status?.Addr);
        if (KeyIs("node.role"))
            return Compare(role == Wire.NodeRole.Manager ? "manager" : "worker");
        if (KeyIs("node.platform.os"))
            return Compare(node.Description?.Platform?.Os);
        if (KeyIs("node.platform.arch"))
            return Compare(node.Description?.Platform?.Architecture);
        if (KeyStarts(NodeLabels))
            return Compare(node.Spec?.Annotations?.Labels.GetValueOrDefault(_key[NodeLabels.Length..]));
        if (KeyStarts(EngineLabels))
            return Compare(node.Description?.Engine?.Labels.GetValueOrDefault(_key[EngineLabels.Length..]));
        return false;
    }

    private bool KeyIs(string name) => _key.Equals(name, StringComparison.OrdinalIgnoreCase);

    private bool KeyStarts(string prefix) => _key.Length > prefix.Length && _key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    private bool Compare(string? fact) => _equal == _value.Equals(fact ?? "", StringComparison.OrdinalIgnoreCase);

    private bool MatchesAddress(string? address)
    {
        var known = TryParseAddress(address ?? "", out var fact);
        if (TryParseAddress(_value, out var single))
            return _equal == (known && single.Equals(fact));
        var slash = _value.IndexOf('/', StringComparison.Ordinal);
        // A malformed address matches nothing, whatever the operator.
        if (slash < 0 || !TryParseAddress(_value[..slash], out var network) || !int.TryParse(_value[(slash + 1)..], out var bits))
            return false;
        var bytes = network.GetAddressBytes();
        if (bits < 0 || bits > bytes.Length * 8)
            return false;
        return _equal == (known && Contains(bytes, bits, fact.GetAddressBytes()));
    }

    private static bool Contains(byte[] network, int bits, byte[] address)
    {
        if (network.Length != address.Length)
            return false;
        for (var i = 0; i < bits; i++)
        {
            if (((network[i / 8] ^ address[i / 8]) & (0x80 >> (i % 8))) != 0)
                return false;
        }
        return true;
    }

    // IPAddress alone takes "1" or "10.1" for an address; nobody means that in a constraint.
    private static bool TryParseAddress(string text, out IPAddress address)
    {
        address = IPAddress.None;
        if (!IPAddress.TryParse(text, out var parsed) || (!text.Contains(':', StringComparison.Ordinal) && text.Count(c => c == '.') != 3))
            return false;
        address = parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed;
        return true;
    }

    [GeneratedRegex(@"^[a-z_][a-z0-9\-_.]+\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex KeyPattern();

    [GeneratedRegex(@"^[a-z0-9:\-_ \t\n\f\r.*()?+\[\]\\^$|/]+\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ValuePattern();
}
