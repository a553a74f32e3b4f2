using System.Diagnostics;
using System.Globalization;

namespace Skep.Bench.Growth;

/// <summary>Measures cases one after the other. A case's file appears only when all of it is measured, so that an end in the middle loses that case alone.</summary>
/// <param name="folder">Where the files go.</param>
internal sealed class CaseRunner(string folder)
{
    /// <summary>In a command: the file for its results.</summary>
    public const string ResultsFile = "RESULTS";

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <param name="cases">In this order.</param>
    /// <param name="again">Those that have a file, too.</param>
    /// <param name="onlyList">Says what there is to do, and does nothing.</param>
    /// <returns>How many failed. What went wrong is told; the others are measured all the same.</returns>
    public int Run(IReadOnlyList<GrowthCase> cases, bool again, bool onlyList)
    {
        var failed = 0;
        foreach (var (i, one) in cases.Index())
        {
            var has = File.Exists(one.FileIn(folder));
            if (onlyList || (has && !again))
            {
                Say(i, cases, one, has ? "measured before" : "not measured");
                continue;
            }
            Say(i, cases, one, FormattableString.Invariant($"begins (limit {one.Limit} s, load average {File.ReadAllText("/proc/loadavg").Split(' ')[0]})"));
            var began = _clock.Elapsed;
            if (Measure(one) is { } problem)
            {
                failed++;
                Say(i, cases, one, "FAILED: " + problem);
            }
            else
            {
                Say(i, cases, one, FormattableString.Invariant($"took {(_clock.Elapsed - began).TotalSeconds:0} s"));
            }
        }
        return failed;
    }

    // Null, or what went wrong.
    private string? Measure(GrowthCase one)
    {
        var file = one.FileIn(folder);
        var (partial, told) = (file + ".part", Path.ChangeExtension(file, ".log"));
        File.Delete(partial);
        File.Delete(told);
        foreach (var command in one.Commands)
        {
            var exitCode = Start(command, one.Limit, partial, told);
            if (exitCode != 0)
                return exitCode == 124 ? $"not done after {one.Limit} s" : $"exit code {exitCode}: {LastLine(told)} (all of it: {told})";
        }
        File.Move(partial, file, overwrite: true);
        return null;
    }

    private static int Start(string command, int limit, string results, string told)
    {
        var start = new ProcessStartInfo("timeout") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // In the foreground, so that Ctrl-C reaches it as well: the lab takes its processes with it.
        foreach (var argument in (string[])["--foreground", "--kill-after=30", limit.ToString(CultureInfo.InvariantCulture), .. command.Split(' ')])
            start.ArgumentList.Add(argument == ResultsFile ? results : argument);
        // All code as good as it gets from its first call on: else a small size is measured with code that is still to be compiled, a large one is not.
        // Not for the lab: skepd is measured as it is.
        var byFile = command.EndsWith(ResultsFile, StringComparison.Ordinal);
        if (byFile)
            start.Environment["DOTNET_TieredCompilation"] = "0";
        using var process = Process.Start(start) ?? throw new InvalidOperationException("no process");
        process.StandardInput.Close();
        // Who writes results to a file tells what happens on standard output.
        using var log = TextWriter.Synchronized(new StreamWriter(told, append: true) { AutoFlush = true });
        process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        process.OutputDataReceived += (_, line) =>
        {
            if (byFile)
                log.WriteLine(line.Data);
            else if (line.Data is not null)
                File.AppendAllText(results, line.Data + "\n");
        };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        process.WaitForExit();
        return process.ExitCode;
    }

    private static string LastLine(string file) => File.ReadLines(file).LastOrDefault(line => line.Length > 0) ?? "nothing was told";

    private void Say(int index, IReadOnlyList<GrowthCase> cases, GrowthCase one, string what) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds,6:0} s  {index + 1,2}/{cases.Count}  {one.Name,-36} {what}"));
}
