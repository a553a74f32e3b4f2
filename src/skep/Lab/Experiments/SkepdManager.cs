using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Skep.Cli.Lab.Experiments;

/// <summary>A skepd without an engine.</summary>
internal sealed class SkepdManager : LabManager
{
    private const int MetricsPort = 9323;
    private static readonly TimeSpan MetricsLimit = TimeSpan.FromSeconds(2);

    private readonly string _program;
    private readonly HttpClient _metrics;
    private double _snapshots, _snapshotBytes;

    public SkepdManager(LabNetwork network, string folder, int number, string program) : base(network, folder, number)
    {
        _program = program;
        var address = new IPEndPoint(IPAddress.Parse(Ip), MetricsPort);
        _metrics = new HttpClient(new SocketsHttpHandler { ConnectCallback = async (_, _) => new NetworkStream(await network.ConnectAsync(address), ownsSocket: true) })
        {
            BaseAddress = new Uri($"http://{address}"),
            Timeout = MetricsLimit,
        };
    }

    public override void Dispose()
    {
        _metrics.Dispose();
        base.Dispose();
    }

    protected override LabProcess Launch()
    {
        (_snapshots, _snapshotBytes) = (0, 0);
        return LabProcess.Start(Name, Network, Path.Combine(Folder, "skepd.log"),
            _program, "-H", "unix://" + Socket, "--engine", "none", "--data-dir", Path.Combine(Folder, "data"), "--metrics-addr", $"{Ip}:{MetricsPort}");
    }

    protected override async Task<(double Log, double Snapshots)?> WrittenAsync(LabProcess process, CancellationToken cancellation)
    {
        try
        {
            var metrics = await _metrics.GetStringAsync("/metrics", cancellation);
            // It tells only the newest snapshot's size: one counts when it is new.
            var snapshots = Value(metrics, "skep_log_snapshot_seconds_count");
            _snapshotBytes += (snapshots - _snapshots) * Value(metrics, "skep_log_snapshot_bytes");
            _snapshots = snapshots;
            return (Value(metrics, "skep_log_appended_bytes_total"), _snapshotBytes);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || e is OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>A metric without labels in Prometheus' text; 0 when it is not there.</summary>
    internal static double Value(string metrics, string name)
    {
        foreach (var line in metrics.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] == ' ')
                return double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
        }
        return 0;
    }
}
