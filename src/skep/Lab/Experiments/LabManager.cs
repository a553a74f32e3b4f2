using System.Diagnostics;
using System.Globalization;

namespace Skep.Cli.Lab.Experiments;

/// <summary>One manager of the experiment: a process that may be killed and started again, and what all its lives together cost.</summary>
/// <param name="network">Where it runs.</param>
/// <param name="folder">Its own; all its files are there.</param>
/// <param name="number">From 1.</param>
internal abstract class LabManager(LabNetwork network, string folder, int number) : IDisposable
{
    private const int Port = 2377;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _sampling = new(1);
    private LabProcess? _process;
    private DockerApi? _connection;
    private ManagerCosts _before;
    private ManagerCosts _present;

    public string Name { get; } = $"manager {number}";

    /// <summary>IP:PORT for engines and other managers.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"{Ip}:{Port}");

    public SwarmApi Api => new(_connection ?? throw new InvalidOperationException($"{Name} was not started"));

    /// <summary>Of all its lives, up to the last <see cref="SampleAsync"/>.</summary>
    public ManagerCosts Costs => _before + _present;

    protected LabNetwork Network { get; } = network;

    protected string Folder { get; } = folder;

    protected string Ip { get; } = $"127.0.1.{number}";

    protected string Socket => Path.Combine(Folder, "api.sock");

    /// <summary>Starts it and returns when it answers.</summary>
    /// <exception cref="CliException">It ended or does not answer.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        Directory.CreateDirectory(Folder);
        await _sampling.WaitAsync(cancellation);
        try
        {
            _process?.Dispose();
            (_before, _present) = (Costs, default);
            _process = Launch();
        }
        finally
        {
            _sampling.Release();
        }
        _connection ??= DockerApi.Connect("unix://" + Socket);
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(20, cancellation))
        {
            MustRun();
            try
            {
                await Api.InfoAsync(cancellation);
                return;
            }
            catch (CliException) when (clock.Elapsed < StartLimit)
            {
                // Not yet there.
            }
        }
    }

    /// <exception cref="CliException">It has ended without our doing.</exception>
    public virtual void MustRun() => _process?.MustRun();

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync(CancellationToken cancellation)
    {
        await SampleAsync(cancellation);
        _process!.Kill();
    }

    /// <summary>Asks the kernel, and the manager itself, what it has cost so far. Without an answer the last figures stay.</summary>
    public async Task SampleAsync(CancellationToken cancellation)
    {
        // One after the other, so that no sample of a life that is over comes after the next one's beginning.
        await _sampling.WaitAsync(cancellation);
        try
        {
            if (_process is not { HasEnded: false } process)
                return;
            var (log, snapshots) = await WrittenAsync(process, cancellation) ?? (_present.LogBytes, _present.SnapshotBytes);
            // A process that ends meanwhile has no figures any more.
            _present = new ManagerCosts(Math.Max(_present.CpuSeconds, process.CpuSeconds), Math.Max(_present.PeakRssMegabytes, process.PeakRssMegabytes), log, snapshots);
        }
        finally
        {
            _sampling.Release();
        }
    }

    public virtual void Dispose()
    {
        _process?.Dispose();
        _connection?.Dispose();
        _sampling.Dispose();
    }

    /// <summary>Starts its program.</summary>
    protected abstract LabProcess Launch();

    /// <summary>Bytes written to the log and to snapshots in this life; null when they cannot be had now.</summary>
    protected abstract Task<(double Log, double Snapshots)?> WrittenAsync(LabProcess process, CancellationToken cancellation);
}

/// <param name="CpuSeconds">User and system.</param>
/// <param name="PeakRssMegabytes">The most memory it ever had.</param>
/// <param name="LogBytes">Written to the log.</param>
/// <param name="SnapshotBytes">Written to snapshots.</param>
internal readonly record struct ManagerCosts(double CpuSeconds, double PeakRssMegabytes, double LogBytes, double SnapshotBytes)
{
    public static ManagerCosts operator +(ManagerCosts a, ManagerCosts b) => new(
        a.CpuSeconds + b.CpuSeconds, Math.Max(a.PeakRssMegabytes, b.PeakRssMegabytes), a.LogBytes + b.LogBytes, a.SnapshotBytes + b.SnapshotBytes);
}
