using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Api.Engine;
using Skep.Api.Swarm;
using Skep.Daemon.Swarm;
using Skep.Dispatch;
using Skep.Manager;
using Skep.Security.Keys;
using Xunit;

namespace Skep.UnitTests.Daemon;

/// <summary>A whole manager, without an engine: locked, unlocked, and with what it writes looked through.</summary>
[SupportedOSPlatform("linux")]
public sealed class AutolockTests : IAsyncDisposable
{
    private const string Marker = "marker-of-a-secret-config";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("skep-autolock-");
    private ManagerNode _node;

    public AutolockTests() => _node = NewNode();

    private string KeyFile => Path.Combine(_directory.FullName, "certificates", ManagerKeys.FileName);

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task A_locked_manager_waits_for_its_key_and_goes_on_with_it()
    {
        await InitAsync(autolock: true);
        var key = await _node.GetUnlockKeyAsync(CancellationToken.None);
        Assert.StartsWith("SWMKEY-1-", key, StringComparison.Ordinal);
        await PutMarkerAsync();
        await RestartAsync();

        Assert.Equal(LocalNodeState.Locked, _node.Status.State);
        Assert.Null(_node.Manager);
        Assert.Equal((LifecycleError.Unauthorized, "swarm could not be unlocked: invalid key provided"), await UnlockRefusedAsync("SWMKEY-1-abcd"));
        Assert.Equal((LifecycleError.InvalidParameter, "invalid key string"), await UnlockRefusedAsync("abcd"));
        Assert.Equal(LocalNodeState.Locked, _node.Status.State);

        await _node.UnlockAsync(key, CancellationToken.None);
        Assert.Equal(LocalNodeState.Active, _node.Status.State);
        Assert.Contains(_node.Manager!.Store.Read(state => state.Configs.Values.ToList()), c => c.Spec.Data.ToStringUtf8() == Marker);
        Assert.Equal((LifecycleError.Conflict, "swarm is not locked"), await UnlockRefusedAsync(key));
        Assert.Empty(FilesThatContain(Marker, "PRIVATE KEY"));
    }

    [Fact]
    public async Task Turned_on_rotated_and_turned_off_while_it_works()
    {
        await InitAsync(autolock: false);
        Assert.Equal("", await _node.GetUnlockKeyAsync(CancellationToken.None));
        await PutMarkerAsync();
        Assert.NotEmpty(FilesThatContain("PRIVATE KEY"));
        Assert.Empty(FilesThatContain(Marker));

        await UpdateAsync(r => r.Spec.EncryptionConfig.AutoLockManagers = true);
        await UntilAsync(() => FilesThatContain("PRIVATE KEY").Count == 0);
        var first = await _node.GetUnlockKeyAsync(CancellationToken.None);
        await UpdateAsync(r => r.Rotation = new Wire.KeyRotation { ManagerUnlockKey = true });
        var second = await _node.GetUnlockKeyAsync(CancellationToken.None);
        Assert.NotEqual(first, second);
        await UntilAsync(() => OpensWith(second));
        await UntilAsync(() => ManagerKeys.Open(Path.GetDirectoryName(KeyFile)!, Wire.UnlockKey.Parse(second)).DataKeys.Count == 1); // all is sealed anew

        await RestartAsync();
        Assert.Equal(LifecycleError.Unauthorized, (await UnlockRefusedAsync(first)).Error);
        await _node.UnlockAsync(second, CancellationToken.None);
        await UpdateAsync(r => r.Spec.EncryptionConfig.AutoLockManagers = false);
        await UntilAsync(() => FilesThatContain("PRIVATE KEY").Count == 1);
        await RestartAsync();
        Assert.Equal(LocalNodeState.Active, _node.Status.State);
        Assert.Single(_node.Manager!.Store.Read(state => state.Configs.Values.ToList()));
        Assert.Empty(FilesThatContain(Marker));
    }

    [Fact]
    public async Task A_locked_manager_may_leave()
    {
        await InitAsync(autolock: true);
        await RestartAsync();
        await _node.LeaveAsync(force: true, CancellationToken.None);

        Assert.Equal(LocalNodeState.Inactive, _node.Status.State);
        Assert.False(File.Exists(KeyFile));
        await InitAsync(autolock: false);
        Assert.Equal(LocalNodeState.Active, _node.Status.State);
    }

    private ManagerNode NewNode() => new(
        _directory.FullName, new LocalEngine(new EngineClient(EngineAddress.Parse("none"))), new DispatchOptions(), TimeProvider.System, NullLoggerFactory.Instance);

    private async Task RestartAsync()
    {
        await _node.DisposeAsync();
        _node = NewNode();
        await _node.StartAsync(CancellationToken.None);
    }

    private async Task InitAsync(bool autolock)
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var address = $"127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        probe.Stop();
        await _node.InitAsync(new SwarmInit
        {
            ListenAddr = address,
            AdvertiseAddr = address,
            Spec = new Wire.ClusterSpec { EncryptionConfig = new Wire.EncryptionConfig { AutoLockManagers = autolock } },
        }, CancellationToken.None);
    }

    private Task PutMarkerAsync() => _node.Manager!.CallAsync<Wire.CreateConfigResponse>(new Wire.CreateConfigRequest
    {
        Spec = new Wire.ConfigSpec { Annotations = new Wire.Annotations { Name = "c" }, Data = Google.Protobuf.ByteString.CopyFromUtf8(Marker) },
    });

    private Task UpdateAsync(Action<Wire.UpdateClusterRequest> change)
    {
        var cluster = _node.Manager!.Store.Read(state => state.Cluster!);
        var request = new Wire.UpdateClusterRequest { ClusterId = cluster.Id, ClusterVersion = cluster.Meta.Version.Clone(), Spec = cluster.Spec.Clone() };
        change(request);
        return _node.Manager!.CallAsync<Wire.UpdateClusterResponse>(request);
    }

    private async Task<(LifecycleError Error, string Message)> UnlockRefusedAsync(string key)
    {
        var refusal = await Assert.ThrowsAsync<SwarmLifecycleException>(() => _node.UnlockAsync(key, CancellationToken.None));
        return (refusal.Error, refusal.Message);
    }

    private bool OpensWith(string key)
    {
        try
        {
            ManagerKeys.Open(Path.GetDirectoryName(KeyFile)!, Wire.UnlockKey.Parse(key));
            return true;
        }
        catch (ManagerLockedException)
        {
            return false;
        }
    }

    private List<string> FilesThatContain(params string[] words) =>
    [
        .. from path in Directory.EnumerateFiles(_directory.FullName, "*", SearchOption.AllDirectories)
           where !path.EndsWith(".tmp", StringComparison.Ordinal) && !path.EndsWith("/lock", StringComparison.Ordinal)
           let content = Encoding.Latin1.GetString(File.ReadAllBytes(path))
           where words.Any(word => content.Contains(word, StringComparison.Ordinal))
           select path,
    ];

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(20);
        Assert.True(condition());
    }
}
