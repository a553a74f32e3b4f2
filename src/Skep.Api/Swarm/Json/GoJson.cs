using System.Collections;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Skep.Api.Swarm.Json;

/// <summary>
/// JSON as Go's encoder writes and reads it, where System.Text.Json differs: <c>omitempty</c>, null for a value that cannot be null
/// (it stays as it is), names in any case.
/// </summary>
internal static class GoJson
{
    public static readonly JsonSerializerOptions Options = MakeOptions();

    private static JsonSerializerOptions MakeOptions()
    {
        var options = new JsonSerializerOptions(SwarmJsonContext.Default.Options)
        {
            TypeInfoResolver = SwarmJsonContext.Default.WithAddedModifier(ApplyGoRules),
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            PropertyNameCaseInsensitive = true,
            Converters =
            {
                new NullIsDefault<bool>((ref r) => r.GetBoolean(), static (w, v) => w.WriteBooleanValue(v)),
                new NullIsDefault<int>((ref r) => r.GetInt32(), static (w, v) => w.WriteNumberValue(v)),
                new NullIsDefault<uint>((ref r) => r.GetUInt32(), static (w, v) => w.WriteNumberValue(v)),
                new NullIsDefault<long>((ref r) => r.GetInt64(), static (w, v) => w.WriteNumberValue(v)),
                new NullIsDefault<ulong>((ref r) => r.GetUInt64(), static (w, v) => w.WriteNumberValue(v)),
                new NullIsDefault<float>((ref r) => r.GetSingle(), static (w, v) => w.WriteNumberValue(v)),
                new NullStringIsEmpty(),
                new Rfc3339TimestampConverter(),
            },
        };
        options.MakeReadOnly();
        return options;
    }

    private static void ApplyGoRules(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
        {
            if (Has<OmitEmptyAttribute>(property))
                property.ShouldSerialize = static (_, value) => !IsEmpty(value);
            else if (Has<GoPointerAttribute>(property))
                property.ShouldSerialize = static (_, value) => value is not null;
            if (!property.IsSetNullable && property.Set is { } set)
                property.Set = (target, value) =>
                {
                    if (value is not null)
                        set(target, value);
                };
        }
    }

    private static bool Has<TAttribute>(JsonPropertyInfo property) =>
        property.AttributeProvider?.IsDefined(typeof(TAttribute), inherit: true) == true;

    private static bool IsEmpty(object? value) => value switch
    {
        null => true,
        string text => text.Length == 0,
        bool flag => !flag,
        int number => number == 0,
        uint number => number == 0,
        long number => number == 0,
        ulong number => number == 0,
        float number => number == 0,
        ICollection items => items.Count == 0,
        _ => false,
    };
}
