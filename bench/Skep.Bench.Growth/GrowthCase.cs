using System.Globalization;

namespace Skep.Bench.Growth;

/// <summary>One case: a kind of measurement at one size. Its file has a JSON object a line.</summary>
/// <param name="Kind"><see cref="Parts"/> or <see cref="Lab"/>.</param>
/// <param name="Size">How many nodes and tasks.</param>
internal sealed record GrowthCase(string Kind, Size Size)
{
    /// <summary>State and scheduler alone, by their own benchmarks.</summary>
    public const string Parts = "parts";

    /// <summary>The whole: a skepd process and simulated engines.</summary>
    public const string Lab = "lab";

    /// <summary>How long the lab's nodes do nothing before the tasks come: some six heartbeats of each, so that what their joins left to be done weighs little.</summary>
    public const int IdleSeconds = 30;

    public const string PartsOfState = "apply encode parse snapshot-write snapshot-read rebuild memory";

    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Kind}-{Size.Nodes}-nodes-{Size.Tasks}-tasks");

    /// <summary>Seconds after which it is ended: several times what it takes on 2 cores with nothing else to do.</summary>
    public int Limit => Kind == Lab ? LabLimit + 60 : 60 + (Size.Tasks / 2_000) + (Size.Nodes / 1_000);

    private int LabLimit => 60 + IdleSeconds + (Size.Nodes / 40) + (Size.Tasks / 2_500);

    /// <summary>Rounds so that a small size is measured for as long as a large one.</summary>
    private int Rounds => Math.Clamp(200_000 / Size.Tasks, 1, 100);

    /// <summary>What is run, each a program of the repository and its arguments; RESULTS stands for the file that JSON lines are appended to, where they do not come by standard output.</summary>
    public IReadOnlyList<string> Commands => Kind == Lab
        ? [Text($"artifacts/bin/skep lab c1m --nodes {Size.Nodes} --tasks {Size.Tasks} --idle {IdleSeconds} --time-limit {LabLimit} --html none --json")]
        :
        [
            Text($"bench/Skep.Bench.State/bin/Release/net10.0/Skep.Bench.State {PartsOfState} --nodes {Size.Nodes} --tasks {Size.Tasks} --rounds {Rounds} --results {CaseRunner.ResultsFile}"),
            Text($"bench/Skep.Bench.Scheduling/bin/Release/net10.0/Skep.Bench.Scheduling --nodes {Size.Nodes} --tasks {Size.Tasks} --rounds {Rounds} --results {CaseRunner.ResultsFile}"),
        ];

    public string FileIn(string folder) => Path.Combine(folder, Name + ".json");

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
