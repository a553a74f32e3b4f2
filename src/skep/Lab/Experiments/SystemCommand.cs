using System.ComponentModel;
using System.Diagnostics;

namespace Skep.Cli.Lab.Experiments;

/// <summary>Programs of the system that end by themselves within moments.</summary>
internal static class SystemCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>What it printed.</summary>
    /// <exception cref="CliException">It is not installed, failed (with its own words), or did not end.</exception>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Start(program, arguments);
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? await output : throw new CliException($"{program} {string.Join(' ', arguments)} failed: {(await errors).Trim().ReplaceLineEndings(" ")}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new CliException($"{program} {string.Join(' ', arguments)} did not end within {Limit.TotalSeconds:0} s");
        }
    }

    /// <summary>The program's path in a folder or in PATH; null when it is in neither.</summary>
    public static string? Find(string program, string? folder = null) =>
        new[] { folder }.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
            .OfType<string>().Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists);

    private static Process Start(string program, string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception e)
        {
            throw new CliException($"{program} cannot be run: {e.Message}");
        }
    }
}
