using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Skep.EndToEnd.Lab;

/// <summary>A running <c>skep lab agents</c>: simulated engines that joined a manager, and their report.</summary>
public sealed class SimulatedAgents : IDisposable
{
    private readonly string _report = Path.GetTempFileName();
    private readonly StringBuilder _errors = new();
    private readonly Process _process;

    /// <param name="manager">host:port.</param>
    /// <param name="token">A worker's.</param>
    /// <param name="count">How many.</param>
    /// <param name="startLatency">As the option of this name.</param>
    public SimulatedAgents(string manager, string token, int count, string startLatency)
    {
        Assert.SkipUnless(File.Exists(Program), $"{Program} is not there; run ./build first");
        var start = new ProcessStartInfo(Program, ["lab", "agents", "--manager", manager, "--token", token, "--count", count.ToString(CultureInfo.InvariantCulture), "--start-latency", startLatency, "--report", _report, "--status-interval", "1"])
        {
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginErrorReadLine();
    }

    private static string Program => Path.Combine(Hosts.Repository, "artifacts/bin/skep");

    /// <summary>Waits until the report, which is rewritten every few seconds, is as wanted; throws <see cref="TimeoutException"/> with all that the agents said.</summary>
    public async Task<JsonNode> WaitForReportAsync(string what, TimeSpan limit, Func<JsonNode, bool> isAsWanted)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < limit; await Task.Delay(100))
        {
            var text = await File.ReadAllTextAsync(_report);
            if (text.Length > 0 && JsonNode.Parse(text) is { } report && isAsWanted(report))
                return report;
            if (_process.HasExited)
                break;
        }
        throw new TimeoutException($"waited in vain for {what}; the agents said:\n{Said()}");
    }

    /// <summary>How many tasks are in this state by the report.</summary>
    public static int Tasks(JsonNode report, string state) => report["tasks"]?[state]?.GetValue<int>() ?? 0;

    /// <summary>How many tasks were in this state at one moment of the report's timeline.</summary>
    public static int States(JsonNode moment, string state) => moment["states"]?[state]?.GetValue<int>() ?? 0;

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
        File.Delete(_report);
    }

    private string Said()
    {
        lock (_errors) return _errors.ToString();
    }

    private void Keep(string? line)
    {
        lock (_errors) _errors.AppendLine(line);
    }
}
