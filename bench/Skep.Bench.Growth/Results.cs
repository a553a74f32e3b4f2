using System.Text.Json;
using System.Text.Json.Nodes;

namespace Skep.Bench.Growth;

/// <summary>All that was measured, by size; what was not is null.</summary>
internal sealed class Results
{
    private readonly Dictionary<GrowthCase, List<JsonObject>> _lines = [];

    /// <exception cref="InvalidDataException">A file does not have JSON lines.</exception>
    public Results(Grid grid)
    {
        foreach (var one in grid.Cases)
        {
            var file = one.FileIn(grid.Folder);
            if (!File.Exists(file))
                continue;
            try
            {
                _lines[one] = [.. File.ReadLines(file).Where(line => line.Length > 0).Select(line => JsonNode.Parse(line)!.AsObject())];
            }
            catch (JsonException error)
            {
                throw new InvalidDataException($"{file}: {error.Message}", error);
            }
        }
    }

    /// <summary>A figure of the whole, as docs/lab.md names it.</summary>
    public double? Lab(Size size, string figure) => Line(GrowthCase.Lab, size, _ => true)?[figure]?.GetValue<double>();

    /// <summary>The same, less what it is with one node and one task.</summary>
    public double? LabBeyondLeast(Size size, string figure) => Lab(size, figure) - Lab(Grid.Least, figure);

    /// <summary>A figure (<c>cpu_s</c>, <c>bytes</c>) of a part.</summary>
    /// <param name="size">Of which case.</param>
    /// <param name="bench">Of which benchmark.</param>
    /// <param name="part">With what its case's name begins.</param>
    /// <param name="figure">Its name in the JSON.</param>
    public double? Part(Size size, string bench, string part, string figure) =>
        Line(GrowthCase.Parts, size, line => (string?)line["bench"] == bench && ((string?)line["case"])!.StartsWith(part, StringComparison.Ordinal))?[figure]?.GetValue<double>();

    /// <summary>On what, when and of which commit; null when no part was measured.</summary>
    public string? Origin => _lines.Values.SelectMany(lines => lines).Where(line => line["commit"] is not null).MaxBy(line => (string?)line["date"], StringComparer.Ordinal) is { } last
        ? $"{((string)last["date"]!)[..10]} on {(string)last["machine"]!}, commit {((string)last["commit"]!)[..8]}"
        : null;

    private JsonObject? Line(string kind, Size size, Func<JsonObject, bool> which) => _lines.GetValueOrDefault(new GrowthCase(kind, size))?.FirstOrDefault(which);
}
