using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skep.Cli.Plan;

/// <summary>
/// The one place that predictions take their figures from: measured-costs.json, which says of each constant its unit and the command that measures
/// it. Who has measured anew changes that file and nothing else.
/// </summary>
internal sealed record MeasuredCosts
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    public required Measurement Measurement { get; init; }

    public required CostTable Costs { get; init; }

    /// <summary>At least one.</summary>
    public required IReadOnlyList<CostCheck> Checks { get; init; }

    /// <summary>What is built into this program.</summary>
    public static MeasuredCosts Load()
    {
        using var file = typeof(MeasuredCosts).Assembly.GetManifestResourceStream("measured-costs.json")!;
        return Read(file);
    }

    /// <exception cref="CliException">A constant is missing, unknown or negative.</exception>
    public static MeasuredCosts Read(Stream json)
    {
        try
        {
            var costs = JsonSerializer.Deserialize<MeasuredCosts>(json, Format)!;
            costs.Costs.Validate();
            return costs;
        }
        catch (JsonException e)
        {
            throw new CliException($"measured-costs.json: {e.Message}");
        }
    }
}

/// <summary>When and on what the constants were measured.</summary>
internal sealed record Measurement(string Date, string Machine, string Conditions, string Source);
