using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Skep.Cli.Lab.Experiments;

/// <summary>A process of the experiment, inside its network, with a log file; and what the kernel counts of it.</summary>
internal sealed class LabProcess : IDisposable
{
    /// <summary>USER_HZ, which Linux shows to programs as 100 on every processor.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>SIGTERM is obeyed within this, or SIGKILL follows.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);

    private readonly Process _process;
    private readonly string _log;

    private LabProcess(string name, Process process, string log)
    {
        Name = name;
        _process = process;
        _log = log;
    }

    public string Name { get; }

    public bool HasEnded => _process.HasExited;

    /// <summary>User and system time so far; 0 when it has ended.</summary>
    public double CpuSeconds
    {
        get
        {
            // The fields after the name in brackets; user and system time are the 14th and 15th of all.
            var fields = (Read("stat") ?? "").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields.Length < 13 ? 0 : (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
        }
    }

    /// <summary>The most memory it ever had, in MB of 2^20 bytes.</summary>
    public double PeakRssMegabytes => Field("status", "VmHWM:") / 1024;

    /// <summary>Bytes that it had the kernel write to disks.</summary>
    public double BytesToDisk => Field("io", "write_bytes:");

    /// <param name="name">In messages.</param>
    /// <param name="network">Where it runs.</param>
    /// <param name="log">File that its output is added to.</param>
    /// <param name="command">Program and arguments.</param>
    /// <exception cref="CliException">The system lacks a program.</exception>
    public static LabProcess Start(string name, LabNetwork network, string log, params string[] command)
    {
        var start = new ProcessStartInfo("sh", ["-c", """log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null""", "sh", log, .. network.Inside(command)]);
        try
        {
            return new LabProcess(name, Process.Start(start)!, log);
        }
        catch (Win32Exception e)
        {
            throw new CliException($"{name} cannot be started: {e.Message}");
        }
    }

    /// <exception cref="CliException">It has ended, with the last it said.</exception>
    public void MustRun()
    {
        if (_process.HasExited)
            throw new CliException($"{Name} ended with exit code {_process.ExitCode}; its last line: {LastLine()}");
    }

    /// <summary>SIGKILL. Its end is not waited for: with much memory that takes a while, and the moment of the signal counts.</summary>
    public void Kill() => _process.Kill();

    /// <summary>SIGTERM, for those who have something to write down at the end.</summary>
    public async Task StopAsync()
    {
        if (_process.HasExited)
            return;
        await SystemCommand.RunAsync("kill", _process.Id.ToString(CultureInfo.InvariantCulture));
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    private string LastLine() => File.Exists(_log) ? File.ReadLines(_log).LastOrDefault(line => line.Length > 0) ?? "nothing" : "nothing";

    private double Field(string file, string name)
    {
        var line = (Read(file) ?? "").Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line is null ? 0 : Number(line[name.Length..].Trim().Split(' ')[0]);
    }

    /// <summary>A file of /proc; null once it has ended.</summary>
    private string? Read(string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{_process.Id}/{file}");
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
