using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf.WellKnownTypes;

namespace Skep.Api.Swarm.Json;

/// <summary>Times as Go writes them (RFC 3339, as many digits of the second's fraction as there are). A missing one is 1970, as in stock's answers.</summary>
internal sealed class Rfc3339TimestampConverter : JsonConverter<Timestamp>
{
    private const long UnixEpochTicks = 621_355_968_000_000_000;

    public override bool HandleNull => true;

    public override Timestamp? Read(ref Utf8JsonReader reader, System.Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? null : Timestamp.FromDateTimeOffset(reader.GetDateTimeOffset());

    public override void Write(Utf8JsonWriter writer, Timestamp value, JsonSerializerOptions options)
    {
        Span<char> text = stackalloc char[32];
        writer.WriteStringValue(text[..Format(value, text)]);
    }

    public static string Format(Timestamp? value)
    {
        Span<char> text = stackalloc char[32];
        return new string(text[..Format(value, text)]);
    }

    private static int Format(Timestamp? value, Span<char> text)
    {
        var seconds = Math.Clamp(value?.Seconds ?? 0, -62_135_596_800, 253_402_300_799);
        new DateTime(UnixEpochTicks + (seconds * TimeSpan.TicksPerSecond), DateTimeKind.Utc)
            .TryFormat(text, out var length, "yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);
        var nanos = value?.Nanos ?? 0;
        if (nanos is > 0 and < 1_000_000_000)
        {
            text[length++] = '.';
            nanos.TryFormat(text[length..], out _, "D9", CultureInfo.InvariantCulture);
            length = text[..(length + 9)].TrimEnd('0').Length;
        }
        text[length++] = 'Z';
        return length;
    }
}
