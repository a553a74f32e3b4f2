using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Skep.Api.Routing;
using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Requests;

/// <summary>Reading requests and writing answers in Go's JSON.</summary>
internal static class SwarmRequests
{
    private const int PartBytes = 64 * 1024;

    /// <exception cref="ApiException">400 or 413; a wrong type is told with its place.</exception>
    public static async Task<T> ReadAsync<T>(this ApiContext context)
        where T : class, new()
    {
        try
        {
            return await context.ReadJsonAsync(new T(), options: GoJson.Options);
        }
        catch (ApiException e) when (e.InnerException is JsonException { Path: { } path } inner && !inner.Message.Contains("Path:", StringComparison.Ordinal))
        {
            throw new ApiException(e.StatusCode, $"{e.Message} (at {path})", inner);
        }
    }

    public static Task WriteAsync<T>(this ApiContext context, T value, int statusCode = 200) =>
        context.WriteJsonAsync(value, statusCode, GoJson.Options);

    /// <summary>A list of any length, written as it is made.</summary>
    public static async Task WriteListAsync<T>(this ApiContext context, IEnumerable<T> items)
    {
        var body = await context.StartStreamAsync("application/json");
        await JsonSerializer.SerializeAsync(body, items, GoJson.Options, context.Aborted);
        await body.WriteAsync("\n"u8.ToArray(), context.Aborted);
    }

    /// <summary>A list of any length of what is JSON already.</summary>
    public static async Task WriteListAsync(this ApiContext context, IEnumerable<byte[]> items)
    {
        var body = await context.StartStreamAsync("application/json");
        var part = new ArrayBufferWriter<byte>(PartBytes);
        part.Write("["u8);
        var isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst)
                part.Write(","u8);
            isFirst = false;
            part.Write(item);
            if (part.WrittenCount < PartBytes)
                continue;
            await body.WriteAsync(part.WrittenMemory, context.Aborted);
            part.ResetWrittenCount();
        }
        part.Write("]\n"u8);
        await body.WriteAsync(part.WrittenMemory, context.Aborted);
    }

    public static FilterArgs Filters(this ApiContext context) => FilterArgs.Parse(context.Query("filters"));

    /// <summary>The object's version that an update names.</summary>
    /// <exception cref="ApiException">400.</exception>
    public static ulong VersionOf(this ApiContext context, string what)
    {
        var text = context.Query("version") ?? "";
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? version
            : throw new ApiException(400, $"invalid {what} version '{text}': strconv.ParseUint: parsing \"{text}\": invalid syntax");
    }

    /// <summary>A flag that must be one of Go's words for true and false; absent is false.</summary>
    /// <exception cref="ApiException">400.</exception>
    public static bool StrictFlag(this ApiContext context, string name) => context.Query(name) switch
    {
        null or "" or "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        { } other => throw new ApiException(400, $"invalid value for {name}: {other}"),
    };

    /// <summary>Seconds since 1970 with up to nine digits of fraction; null when absent.</summary>
    /// <exception cref="ApiException">400.</exception>
    public static DateTimeOffset? UnixTime(this ApiContext context, string name)
    {
        if (context.Query(name) is not { Length: > 0 } text || text == "0")
            return null;
        return decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) && Math.Abs(seconds) < 1e11m
            ? DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond))
            : throw new ApiException(400, $"invalid value for '{name}': invalid timestamp \"{text}\"");
    }
}
