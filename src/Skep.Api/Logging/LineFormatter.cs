using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Skep.Api.Logging;

/// <summary>One entry, one line, as text or as JSON. Values that the message does not show, scopes and errors follow as key=value.</summary>
internal sealed class LineFormatter : ConsoleFormatter
{
    private const string GrpcCalls = "Grpc.AspNetCore.Server.ServerCallHandler";
    private const string Template = "{OriginalFormat}";
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly LogFormat _format;
    private readonly TimeProvider _time;

    public LineFormatter(LogFormat format, TimeProvider time) : base(NameOf(format))
    {
        _format = format;
        _time = time;
    }

    public static string NameOf(LogFormat format) => "skep-" + format.ToString().ToLowerInvariant();

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TextWriter output)
    {
        // A peer that goes away in the middle of a call is no error of ours: when an engine or a manager dies, all its calls do.
        if (entry is { Category: GrpcCalls, Exception: IOException }) return;
        var message = entry.Formatter(entry.State, entry.Exception);
        var pairs = new List<KeyValuePair<string, object?>>();
        Collect(entry.State, pairs);
        scopes?.ForEachScope(static (scope, all) => Collect(scope, all), pairs);
        var error = entry.Exception is { } e ? Describe(e, entry.LogLevel) : null;
        var line = _format == LogFormat.Json
            ? AsJson(entry.LogLevel, entry.Category, message, pairs, error)
            : AsText(entry.LogLevel, entry.Category, message, pairs, error);
        output.Write(line + "\n");
    }

    private string AsText(LogLevel level, string category, string message, List<KeyValuePair<string, object?>> pairs, string? error)
    {
        var template = pairs.Find(p => p.Key == Template).Value as string ?? "";
        var line = new StringBuilder()
            .Append(_time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture))
            .Append(' ').Append(ShortName(level)).Append(' ').Append(Tail(category)).Append(' ').Append(OneLine(message));
        foreach (var (key, value) in pairs)
        {
            if (key == Template || template.Contains('{' + key, StringComparison.Ordinal)) continue;
            Append(line, key, Text(value));
        }
        if (error is not null) Append(line, "error", error);
        return line.ToString();
    }

    private string AsJson(LogLevel level, string category, string message, List<KeyValuePair<string, object?>> pairs, string? error)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Json))
        {
            json.WriteStartObject();
            json.WriteString("time", _time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("level", LogLevels.Names[Math.Clamp((int)level - 1, 0, LogLevels.Names.Count - 1)]);
            json.WriteString("category", category);
            json.WriteString("message", message);
            var seen = new HashSet<string>(StringComparer.Ordinal) { "time", "level", "category", "message", "error" };
            foreach (var (key, value) in pairs)
                if (key != Template && seen.Add(key)) json.WriteString(key, Text(value));
            if (error is not null) json.WriteString("error", error);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void Collect(object? state, List<KeyValuePair<string, object?>> pairs)
    {
        // The web server's own scopes (connection and request ids) would double the length of every line.
        if (state?.GetType().Namespace?.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) == true) return;
        if (state is IEnumerable<KeyValuePair<string, object?>> values) pairs.AddRange(values);
    }

    // The stack is for those who look for a fault: on errors, where something unforeseen happened, and still on one line.
    private static string Describe(Exception e, LogLevel level) =>
        level >= LogLevel.Error ? e.ToString() : e.GetType().Name + ": " + e.Message;

    private static void Append(StringBuilder line, string key, string value)
    {
        line.Append(' ').Append(key).Append('=');
        value = OneLine(value);
        if (value.Length > 0 && !value.AsSpan().ContainsAny(" \"=")) line.Append(value);
        else line.Append('"').Append(value.Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
    }

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    // What comes from outside must not be able to write log lines or terminal codes of its own.
    private static string OneLine(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1f')) return text;
        var clean = new StringBuilder(text.Length + 8);
        foreach (var c in text)
        {
            if (c >= ' ') clean.Append(c);
            else if (c == '\n') clean.Append("\\n");
            else if (c == '\t') clean.Append(' ');
            else if (c != '\r') clean.Append('?');
        }
        return clean.ToString();
    }

    private static string Tail(string category) => category[(category.LastIndexOf('.') + 1)..];

    private static string ShortName(LogLevel level) => level switch
    {
        LogLevel.Trace => "TRC",
        LogLevel.Debug => "DBG",
        LogLevel.Information => "INF",
        LogLevel.Warning => "WRN",
        LogLevel.Error => "ERR",
        _ => "FTL",
    };
}
