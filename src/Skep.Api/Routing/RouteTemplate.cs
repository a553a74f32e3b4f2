namespace Skep.Api.Routing;

/// <summary>
/// A path without version, such as "/services/{id}/update". A part in braces stands for one non-empty segment; a last part
/// "{id...}" for all that is left. Literal parts win over those.
/// </summary>
internal sealed class RouteTemplate
{
    private readonly string[] _parts;

    public RouteTemplate(string text)
    {
        if (!text.StartsWith('/') || text.Contains('?')) throw new ArgumentException($"'{text}' is no route template", nameof(text));
        Text = text;
        _parts = text[1..].Split('/');
    }

    public string Text { get; }

    /// <summary>Sorts the more exact template first: literals before parameters, from the left.</summary>
    public string Rank => string.Concat(_parts.Select(p => p[0] != '{' ? '0' : p.EndsWith("...}", StringComparison.Ordinal) ? '2' : '1'));

    /// <summary>The parameters' values if <paramref name="segments"/> is such a path; null otherwise.</summary>
    public IReadOnlyDictionary<string, string>? Match(string[] segments)
    {
        Dictionary<string, string>? values = null;
        for (var i = 0; i < _parts.Length; i++)
        {
            var part = _parts[i];
            if (i >= segments.Length || (segments[i].Length == 0 && part.Length > 0)) return null;
            if (part.Length == 0 || part[0] != '{')
            {
                if (part != segments[i]) return null;
                continue;
            }
            values ??= [];
            if (part.EndsWith("...}", StringComparison.Ordinal))
            {
                values[part[1..^4]] = string.Join('/', segments[i..]);
                return values;
            }
            values[part[1..^1]] = segments[i];
        }
        if (segments.Length != _parts.Length) return null;
        return values ?? (IReadOnlyDictionary<string, string>)System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty;
    }
}
