namespace Skep.Cli.Lab.Experiments;

/// <summary>A stock manager: dockerd and the containerd it wants, both of their own, with which nothing else on this machine has to do.</summary>
internal sealed class DockerdManager(LabNetwork network, string folder, int number, string program) : LabManager(network, folder, number)
{
    private static readonly TimeSpan ContainerdLimit = TimeSpan.FromSeconds(20);
    private LabProcess? _containerd;

    private string ContainerdSocket => Path.Combine(Folder, "containerd.sock");

    public override void MustRun()
    {
        _containerd?.MustRun();
        base.MustRun();
    }

    public override void Dispose()
    {
        base.Dispose();
        _containerd?.Dispose();
    }

    protected override LabProcess Launch()
    {
        if (_containerd is null)
            StartContainerd();
        File.Delete(Path.Combine(Folder, "dockerd.pid"));
        // Nothing runs on it, so it needs neither a bridge nor iptables. The mounts it makes go with it.
        return LabProcess.Start(Name, Network, Path.Combine(Folder, "dockerd.log"), [.. PrivateMounts, program,
            "-H", "unix://" + Socket, "--containerd", ContainerdSocket, "--data-root", Path.Combine(Folder, "data"), "--exec-root", Path.Combine(Folder, "exec"),
            "--pidfile", Path.Combine(Folder, "dockerd.pid"), "--bridge", "none", "--iptables=false"]);
    }

    /// <summary>Its log's files are set aside in advance, so their sizes say nothing: all that it writes to the disk is counted instead, snapshots included.</summary>
    protected override Task<(double Log, double Snapshots)?> WrittenAsync(LabProcess process, CancellationToken cancellation) =>
        Task.FromResult<(double, double)?>((process.BytesToDisk, 0));

    private static string[] PrivateMounts => ["unshare", "--mount", "--propagation", "private", "--"];

    private void StartContainerd()
    {
        var config = Path.Combine(Folder, "containerd.toml");
        File.WriteAllText(config, $"""
            version = 2
            root = "{Folder}/containerd"
            state = "{Folder}/containerd-state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
              address = "{ContainerdSocket}"
            """);
        _containerd = LabProcess.Start($"containerd of {Name}", Network, Path.Combine(Folder, "containerd.log"), [.. PrivateMounts, "containerd", "--config", config]);
        if (!SpinWait.SpinUntil(() => File.Exists(ContainerdSocket) || _containerd.HasEnded, ContainerdLimit))
            throw new CliException($"containerd of {Name} does not start; see {Folder}/containerd.log (with --keep)");
        _containerd.MustRun();
    }
}
