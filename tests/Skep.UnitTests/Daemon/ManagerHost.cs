using System.Runtime.Versioning;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Api.Engine;
using Skep.Api.Swarm;
using Skep.Daemon.Swarm;
using Skep.Dispatch;
using Skep.Manager;
using Skep.Security.Keys;
using Skep.Storage;
using Xunit;

namespace Skep.UnitTests.Daemon;

/// <summary>A whole manager in this process, on the loopback, without an engine.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ManagerHost : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = System.IO.Directory.CreateTempSubdirectory("skep-manager-");

    public ManagerHost()
    {
        Port = TestPort.Take();
        Node = NewNode();
    }

    public ManagerNode Node { get; private set; }

    public int Port { get; }

    /// <summary>Of the cluster port.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>The data directory.</summary>
    public string Directory => _directory.FullName;

    public SwarmFile SwarmFile => SwarmFile.Read(Directory)!;

    public ManagerKeys Keys => ManagerKeys.Open(Path.GetDirectoryName(KeyFile)!, default);

    public List<string> LogFolders => [.. _directory.EnumerateDirectories("raft*").Select(folder => folder.Name)];

    public string KeyFile => Path.Combine(_directory.FullName, "certificates", ManagerKeys.FileName);

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private ManagerNode NewNode() => new(
        _directory.FullName, new LocalEngine(new EngineClient(EngineAddress.Parse("none"))), new DispatchOptions(), TimeProvider.System, NullLoggerFactory.Instance);

    public async Task RestartAsync()
    {
        await StopAsync();
        await Node.StartAsync(CancellationToken.None);
    }

    public async Task InitAsync(bool autolock)
    {
        var address = $"127.0.0.1:{Port}";
        await Node.InitAsync(new SwarmInit
        {
            ListenAddr = address,
            AdvertiseAddr = address,
            Spec = new Wire.ClusterSpec { EncryptionConfig = new Wire.EncryptionConfig { AutoLockManagers = autolock } },
        }, CancellationToken.None);
    }

    /// <summary>docker swarm init --force-new-cluster.</summary>
    public Task ForceNewClusterAsync() => ForceNewClusterAsync(listen: Node.Status.State == LocalNodeState.Inactive ? $"127.0.0.1:{Port}" : "0.0.0.0:2377", advertise: "");

    public Task ForceNewClusterAsync(string listen, string advertise) => Node.InitAsync(
        new SwarmInit { ListenAddr = listen, AdvertiseAddr = advertise, Spec = new Wire.ClusterSpec(), ForceNewCluster = true }, CancellationToken.None);

    /// <summary>As a further manager.</summary>
    public async Task JoinAsync(ManagerHost manager)
    {
        var address = $"127.0.0.1:{Port}";
        await Node.JoinAsync(new SwarmJoin
        {
            ListenAddr = address,
            AdvertiseAddr = address,
            RemoteAddrs = [$"127.0.0.1:{manager.Port}"],
            JoinToken = manager.Node.Manager!.Store.Read(state => state.Cluster!.RootCa.JoinTokens.Manager),
        }, CancellationToken.None);
    }

    /// <summary>Until Node.StartAsync.</summary>
    public async Task StopAsync()
    {
        await Node.DisposeAsync();
        Node = NewNode();
    }

    public Task PutConfigAsync(string data, string name = "c") => Node.Manager!.CallAsync<Wire.CreateConfigResponse>(new Wire.CreateConfigRequest
    {
        Spec = new Wire.ConfigSpec { Annotations = new Wire.Annotations { Name = name }, Data = Google.Protobuf.ByteString.CopyFromUtf8(data) },
    });

    public Task UpdateAsync(Action<Wire.UpdateClusterRequest> change)
    {
        var cluster = Node.Manager!.Store.Read(state => state.Cluster!);
        var request = new Wire.UpdateClusterRequest { ClusterId = cluster.Id, ClusterVersion = cluster.Meta.Version.Clone(), Spec = cluster.Spec.Clone() };
        change(request);
        return Node.Manager!.CallAsync<Wire.UpdateClusterResponse>(request);
    }

    public async Task<(LifecycleError Error, string Message)> UnlockRefusedAsync(string key)
    {
        var refusal = await Assert.ThrowsAsync<SwarmLifecycleException>(() => Node.UnlockAsync(key, CancellationToken.None));
        return (refusal.Error, refusal.Message);
    }

    public bool OpensWith(string key) => KeysWith(key) is not null;

    /// <summary>Null: another key is needed.</summary>
    public ManagerKeys? KeysWith(string key)
    {
        try
        {
            return ManagerKeys.Open(Path.GetDirectoryName(KeyFile)!, Wire.UnlockKey.Parse(key));
        }
        catch (ManagerLockedException)
        {
            return null;
        }
    }

    public List<string> FilesThatContain(params string[] words) =>
    [
        .. from path in System.IO.Directory.EnumerateFiles(_directory.FullName, "*", SearchOption.AllDirectories)
           where !path.EndsWith(".tmp", StringComparison.Ordinal) && !path.EndsWith("/lock", StringComparison.Ordinal)
           let content = ContentOf(path)
           where words.Any(word => content.Contains(word, StringComparison.Ordinal))
           select path,
    ];

    // What was replaced or deleted since it was listed is not on the disk any more.
    private static string ContentOf(string path)
    {
        try
        {
            return Encoding.Latin1.GetString(File.ReadAllBytes(path));
        }
        catch (FileNotFoundException)
        {
            return "";
        }
    }

    public static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(20);
        Assert.True(condition());
    }
}
