using System.Text.Json;

namespace Skep.Api.Swarm.Requests;

/// <summary>The <c>filters</c> of a list: keys with one or more values each, of which one must match.</summary>
internal sealed class FilterArgs
{
    private readonly Dictionary<string, SortedSet<string>> _values = [];

    public bool IsEmpty => _values.Count == 0;

    /// <summary>Reads both forms that clients send: {"key":{"value":true}} and the older {"key":["value"]}.</summary>
    /// <exception cref="ApiException">400.</exception>
    public static FilterArgs Parse(string? json)
    {
        var args = new FilterArgs();
        if (string.IsNullOrEmpty(json))
            return args;
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 3 });
            if (document.RootElement.ValueKind == JsonValueKind.Null)
                return args;
            foreach (var key in document.RootElement.EnumerateObject())
                args.Read(key);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ApiException(400, "invalid filter", e);
        }
        return args;
    }

    /// <exception cref="ApiException">400 for a key that is not one of these.</exception>
    public FilterArgs Accept(params ReadOnlySpan<string> keys)
    {
        foreach (var key in _values.Keys)
        {
            if (!keys.Contains(key))
                throw new ApiException(400, $"invalid filter '{key}'");
        }
        return this;
    }

    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>In order; none when the key is absent.</summary>
    public IReadOnlyCollection<string> this[string key] => _values.TryGetValue(key, out var values) ? values : [];

    /// <summary>No such key, or the text is one of its values.</summary>
    public bool Exact(string key, string text) => this[key] is not { Count: > 0 } values || values.Contains(text);

    /// <summary>No such key, or the text begins with one of its values.</summary>
    public bool Prefix(string key, string text) =>
        this[key] is not { Count: > 0 } values || values.Any(v => text.StartsWith(v, StringComparison.Ordinal));

    /// <summary>No such key, or the text has one of its values in it.</summary>
    public bool Within(string key, string text) =>
        this[key] is not { Count: > 0 } values || values.Any(v => text.Contains(v, StringComparison.Ordinal));

    /// <summary>No such key, or all its values ("name" or "name=value") are among these.</summary>
    /// <param name="key">The filter.</param>
    /// <param name="labels">The object's labels.</param>
    /// <param name="anyIfEmpty">"name=" means any value, as for swarm objects; else it means the empty one.</param>
    public bool Labels(string key, IDictionary<string, string>? labels, bool anyIfEmpty = true)
    {
        foreach (var wanted in this[key])
        {
            var equals = wanted.IndexOf('=');
            var name = equals < 0 ? wanted : wanted[..equals];
            if (labels is null || !labels.TryGetValue(name, out var value))
                return false;
            if (equals >= 0 && !(anyIfEmpty && equals == wanted.Length - 1) && value != wanted[(equals + 1)..])
                return false;
        }
        return true;
    }

    private void Read(JsonProperty key)
    {
        SortedSet<string> values = new(StringComparer.Ordinal);
        if (key.Value.ValueKind == JsonValueKind.Array)
        {
            foreach (var value in key.Value.EnumerateArray())
                values.Add(value.GetString() ?? "");
        }
        else
        {
            foreach (var value in key.Value.EnumerateObject())
            {
                _ = value.Value.GetBoolean();
                values.Add(value.Name);
            }
        }
        _values[key.Name] = values;
    }
}
