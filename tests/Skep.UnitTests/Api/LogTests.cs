using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Skep.Api.Logging;
using Xunit;

namespace Skep.UnitTests.Api;

public sealed class LogTests
{
    private static string Line(LogFormat format, LogLevel level, Exception? error, string message, params KeyValuePair<string, object?>[] state) =>
        Line(format, level, "Skep.Api.ApiHost", error, message, state);

    private static string Line(LogFormat format, LogLevel level, string category, Exception? error, string message, params KeyValuePair<string, object?>[] state)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 6, 3, 2, 123, TimeSpan.Zero));
        using var output = new StringWriter();
        new LineFormatter(format, time).Write(
            new LogEntry<IReadOnlyList<KeyValuePair<string, object?>>>(level, category, default, state, error, (_, _) => message), null, output);
        return output.ToString();
    }

    [Fact]
    public void Text_is_one_line_with_values_that_the_message_does_not_show() => Assert.Equal(
        "2026-11-24T06:03:02.123Z WRN ApiHost node n1\\nfake line down\\n reason=\"no beat\" error=\"IOException: a \\\"b\\\"\"\n",
        Line(LogFormat.Text, LogLevel.Warning, new IOException("a \"b\""), "node n1\nfake line down\n",
            new("Node", "n1"), new("reason", "no beat"), new("{OriginalFormat}", "node {Node} down")));

    [Fact]
    public void Json_is_one_object() => Assert.Equal(
        "{\"time\":\"2026-11-24T06:03:02.123Z\",\"level\":\"info\",\"category\":\"Skep.Api.ApiHost\",\"message\":\"x\\ny\",\"Node\":\"n1\"}\n",
        Line(LogFormat.Json, LogLevel.Information, null, "x\ny", new KeyValuePair<string, object?>("Node", "n1")));

    [Fact]
    public void A_peer_that_went_away_in_a_call_is_not_worth_a_line()
    {
        const string Calls = "Grpc.AspNetCore.Server.ServerCallHandler";
        Assert.Empty(Line(LogFormat.Text, LogLevel.Error, Calls, new IOException("The client reset the request stream."), "Error when executing service method 'Submit'."));
        Assert.NotEmpty(Line(LogFormat.Text, LogLevel.Error, Calls, new InvalidOperationException("a fault of ours"), "Error when executing service method 'Submit'."));
    }
}
