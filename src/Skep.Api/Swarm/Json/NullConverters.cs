using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skep.Api.Swarm.Json;

internal delegate T ReadValue<out T>(ref Utf8JsonReader reader);

/// <summary>Reads a number or a flag; null is 0 or false, as Go leaves it.</summary>
internal sealed class NullIsDefault<T>(ReadValue<T> read, Action<Utf8JsonWriter, T> write) : JsonConverter<T>
    where T : struct
{
    public override bool HandleNull => true;

    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return default;
        try
        {
            return read(ref reader);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            // Go's words; the serializer adds the place.
            throw new JsonException($"json: cannot unmarshal {GoName(reader.TokenType)} into Go value of type {GoType}", e);
        }
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => write(writer, value);

    private static string GoType => default(T) switch
    {
        bool => "bool",
        int => "int",
        uint => "uint32",
        long => "int64",
        ulong => "uint64",
        float => "float32",
        _ => typeof(T).Name,
    };

    internal static string GoName(JsonTokenType token) => token switch
    {
        JsonTokenType.String => "string",
        JsonTokenType.Number => "number",
        JsonTokenType.True or JsonTokenType.False => "bool",
        JsonTokenType.StartArray => "array",
        JsonTokenType.StartObject => "object",
        _ => "value",
    };
}

/// <summary>Reads a text; null is the empty text.</summary>
internal sealed class NullStringIsEmpty : JsonConverter<string>
{
    public override bool HandleNull => true;

    public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Null => "",
        JsonTokenType.String => reader.GetString()!,
        _ => throw new JsonException($"json: cannot unmarshal {NullIsDefault<int>.GoName(reader.TokenType)} into Go value of type string"),
    };

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString()!;

    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WritePropertyName(value);
}
