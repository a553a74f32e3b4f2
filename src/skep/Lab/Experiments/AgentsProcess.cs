using System.Globalization;

namespace Skep.Cli.Lab.Experiments;

/// <summary>skep lab agents as a process of its own, and its report.</summary>
internal sealed class AgentsProcess : IDisposable
{
    /// <summary>Collecting its garbage stops all engines of the process at once, so it is done seldom: after 64 MB instead of some 16.</summary>
    private const string FewCollections = "DOTNET_GCgen0size=0x4000000";

    private readonly LabProcess _process;
    private readonly string _report;

    private AgentsProcess(LabProcess process, string report)
    {
        _process = process;
        _report = report;
    }

    public double CpuSeconds { get; private set; }

    public double PeakRssMegabytes { get; private set; }

    public static AgentsProcess Start(LabNetwork network, string folder, ExperimentPlan plan, IEnumerable<string> managers, string token)
    {
        var report = Path.Combine(folder, "agents.json");
        var program = Environment.ProcessPath ?? throw new CliException("the path of skep itself is not known");
        return new AgentsProcess(LabProcess.Start("skep lab agents", network, Path.Combine(folder, "agents.log"), "env", FewCollections, program,
            "lab", "agents", "--manager", string.Join(',', managers), "--token", token, "--count", Text(plan.Nodes), "--seed", Text(plan.Seed),
            "--start-latency", plan.StartLatency, "--status-interval", "1", "--report", report), report);
    }

    public void Sample()
    {
        CpuSeconds = Math.Max(CpuSeconds, _process.CpuSeconds);
        PeakRssMegabytes = Math.Max(PeakRssMegabytes, _process.PeakRssMegabytes);
    }

    /// <exception cref="CliException">It has ended without our doing.</exception>
    public void MustRun() => _process.MustRun();

    /// <summary>The latest report and when it was written; null as long as there is none.</summary>
    public (AgentsReport Report, DateTime WrittenAt)? Report()
    {
        // The file is replaced in one step, so it is never half a report.
        return File.Exists(_report) ? (AgentsReport.Parse(File.ReadAllText(_report)), File.GetLastWriteTimeUtc(_report)) : null;
    }

    /// <summary>Ends it in a friendly way: it brings its report up to date.</summary>
    public Task StopAsync() => _process.StopAsync();

    public void Dispose() => _process.Dispose();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
