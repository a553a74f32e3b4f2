using System.Text.Json;

namespace Skep.Daemon;

/// <summary>
/// The --config file: a JSON object whose keys are the flags' names, like dockerd's daemon.json ("hosts" for -H). Every value is kept as
/// the texts that the flag would have been given.
/// </summary>
internal sealed class ConfigFile
{
    private readonly Dictionary<string, string[]> _values;

    private ConfigFile(Dictionary<string, string[]> values) => _values = values;

    public static readonly ConfigFile Empty = new([]);

    public IReadOnlyDictionary<string, string[]> Values => _values;

    /// <exception cref="OptionsException">No such file, or not a JSON object of texts, booleans and lists of texts.</exception>
    public static ConfigFile Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (json.RootElement.ValueKind != JsonValueKind.Object) throw new OptionsException($"{path}: expected a JSON object");
            return new ConfigFile(json.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => TextsOf(path, p)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new OptionsException($"cannot read the configuration file {path}: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static string[] TextsOf(string path, JsonProperty property) => property.Value.ValueKind switch
    {
        JsonValueKind.String => [property.Value.GetString()!],
        JsonValueKind.True => ["true"],
        JsonValueKind.False => ["false"],
        JsonValueKind.Array when property.Value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String)
            => [.. property.Value.EnumerateArray().Select(v => v.GetString()!)],
        _ => throw new OptionsException($"{path}: \"{property.Name}\" must be a text, true, false or a list of texts"),
    };
}
