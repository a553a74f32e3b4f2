using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Api.Swarm;
using Skep.Security.Keys;
using Skep.State;
using Skep.Storage;
using Skep.Storage.Backups;
using Xunit;

namespace Skep.UnitTests.Daemon;

/// <summary>Whole managers, without engines: backed up while they run, and brought back in another data directory.</summary>
[SupportedOSPlatform("linux")]
public sealed class RestoreTests : IAsyncDisposable
{
    private readonly ManagerHost _host = new();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task A_backup_becomes_a_cluster_of_one_with_the_same_root_tokens_and_objects()
    {
        await using var second = new ManagerHost();
        await using var restored = new ManagerHost();
        await _host.InitAsync(autolock: false);
        await second.JoinAsync(_host);
        await _host.PutConfigAsync("data");
        var before = Shared(_host);
        Backup(_host);
        await _host.PutConfigAsync("later", "d");
        var old = _host.SwarmFile;

        Restore(restored, default);
        await restored.Node.StartAsync(CancellationToken.None);
        Assert.Equal(before, Shared(restored));
        Assert.Equal(["c"], Names(restored));
        var manager = Assert.Single(restored.Node.Manager!.Store.Read(state => state.Managers.Values.ToList()));
        Assert.Equal((restored.SwarmFile.ManagerId, restored.SwarmFile.RaftId, restored.Address), (manager.Id, manager.RaftId, manager.Addr));
        Assert.NotEqual(old.ManagerId, manager.Id);
        Assert.NotEqual(old.RaftId, manager.RaftId);
        Assert.Equal(manager.Id, restored.Node.Status.NodeId); // a host without an engine
        Assert.Equal(Wire.NodeStatus.Types.State.Down, restored.Node.Manager.Store.Read(state => state.Nodes[old.NodeId].Status.State));

        await restored.PutConfigAsync("after", "e");
        await restored.RestartAsync();
        Assert.Equal(["c", "e"], Names(restored));
    }

    /// <summary>Managers that live on where the backup came from have nothing to say to the restored one, and may join it.</summary>
    [Fact]
    public async Task Managers_of_the_old_group_are_strangers_to_it()
    {
        await using var restored = new ManagerHost();
        await _host.InitAsync(autolock: false);
        Backup(_host);
        Restore(restored, default);
        await restored.Node.StartAsync(CancellationToken.None);
        await _host.PutConfigAsync("old", "d");
        Assert.Empty(Names(restored));
        await _host.Node.LeaveAsync(force: true, CancellationToken.None);
        await _host.JoinAsync(restored);
        Assert.Equal(2, restored.Node.Manager!.Store.Read(state => state.Managers.Count));
    }

    [Fact]
    public async Task A_backup_of_a_locked_cluster_needs_its_key_and_the_restored_manager_is_locked_with_it()
    {
        await using var restored = new ManagerHost();
        await _host.InitAsync(autolock: true);
        var key = await _host.Node.GetUnlockKeyAsync(CancellationToken.None);
        await _host.PutConfigAsync("marker-of-a-config");
        Backup(_host);
        Assert.Empty(_host.FilesThatContain("marker-of-a-config", "PRIVATE KEY"));
        Assert.Throws<InvalidBackupException>(() => Restore(restored, default));
        Restore(restored, Wire.UnlockKey.Parse(key));
        Assert.Empty(restored.FilesThatContain("marker-of-a-config", "PRIVATE KEY"));

        await restored.Node.StartAsync(CancellationToken.None);
        Assert.Equal(LocalNodeState.Locked, restored.Node.Status.State);
        await restored.Node.UnlockAsync(key, CancellationToken.None);
        Assert.Equal(["c"], Names(restored));
        await restored.RestartAsync();
        await restored.Node.UnlockAsync(key, CancellationToken.None);
        Assert.Equal(["c"], Names(restored));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stopped_managers_directory_becomes_one_too_and_is_not_touched(bool autolock)
    {
        await using var second = new ManagerHost();
        await using var restored = new ManagerHost();
        await _host.InitAsync(autolock);
        var key = Wire.UnlockKey.Of(_host.Node.Manager!.Store.Read(state => state.Cluster!));
        await second.JoinAsync(_host);
        await _host.PutConfigAsync("data");
        var before = Shared(_host);
        await second.StopAsync();
        await _host.StopAsync();
        var files = Contents(_host.Directory);

        using (var saved = new SavedCluster(LoneCluster.Read(_host.Directory, _host.SwarmFile, ManagerKeys.Open(DataDirectory.CertificatesOf(_host.Directory), key), NullLogger.Instance), null))
            LoneCluster.Restore(saved, restored.Directory, restored.Address, restored.Address, TimeProvider.System.GetUtcNow(), NullLogger.Instance);
        Assert.Equal(files, Contents(_host.Directory));
        await restored.Node.StartAsync(CancellationToken.None);
        if (autolock)
            await restored.Node.UnlockAsync(Wire.UnlockKey.Format(key.Span), CancellationToken.None);
        Assert.Equal(before, Shared(restored));
        Assert.Equal(["c"], Names(restored));
    }

    /// <summary>The key of the root is an external CA's: the manager's own certificate is in the backup, and the restored one is that manager.</summary>
    [Fact]
    public async Task Where_nobody_can_sign_a_new_certificate_the_managers_own_is_restored()
    {
        await using var restored = new ManagerHost();
        await using var without = new ManagerHost();
        await _host.InitAsync(autolock: false);
        var (store, certificate) = (_host.Node.Manager!.Store, _host.Node.Certificate!);
        var cluster = store.Read(state => state.Cluster!.Clone());
        cluster.RootCa.CaKey = Google.Protobuf.ByteString.Empty;
        store.Apply(new Batch { Format = 1, Mutations = { new Mutation { PutCluster = new PutCluster { Cluster = cluster } } } });
        Backup(_host);

        Restore(restored, default);
        await restored.Node.StartAsync(CancellationToken.None);
        Assert.Equal(_host.SwarmFile.ManagerId, restored.Node.Status.ManagerId);
        Assert.NotEqual(_host.SwarmFile.RaftId, restored.SwarmFile.RaftId);
        Assert.Equal(certificate.Certificate.Thumbprint, restored.Node.Certificate!.Certificate.Thumbprint);
        using var saved = BackupFile.Open(BackupPath(_host)).Read(default);
        Assert.Throws<InvalidDataException>(() => LoneCluster.Restore(saved with { Credentials = null }, without.Directory, without.Address, without.Address, TimeProvider.System.GetUtcNow(), NullLogger.Instance));
    }

    [Fact]
    public async Task A_plain_copy_of_a_stopped_directory_is_the_same_manager()
    {
        await using var copy = new ManagerHost();
        await _host.InitAsync(autolock: false);
        await _host.PutConfigAsync("data");
        await _host.StopAsync();
        foreach (var path in Directory.EnumerateFiles(_host.Directory, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(copy.Directory, Path.GetRelativePath(_host.Directory, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
        await copy.Node.StartAsync(CancellationToken.None);
        Assert.Equal(["c"], Names(copy));
        Assert.Equal(_host.SwarmFile.ManagerId, copy.Node.Status.ManagerId);
    }

    [Fact]
    public async Task A_directory_in_use_or_not_a_managers_is_refused()
    {
        await _host.InitAsync(autolock: false);
        var file = _host.SwarmFile;
        Assert.Contains("is in use: stop the skepd that runs on it", Assert.Throws<IOException>(() => LoneCluster.RequireStopped(_host.Directory, file)).Message, StringComparison.Ordinal);
        Assert.Contains("is in use", Assert.Throws<IOException>(() => LoneCluster.Read(_host.Directory, file, _host.Keys, NullLogger.Instance)).Message, StringComparison.Ordinal);
        await _host.StopAsync();
        LoneCluster.RequireStopped(_host.Directory, file);
        Assert.Throws<InvalidDataException>(() => LoneCluster.Read(_host.Directory, file with { Standby = true }, _host.Keys, NullLogger.Instance));
    }

    [Fact]
    public async Task A_directory_that_is_not_empty_is_refused_and_a_failure_leaves_nothing_behind()
    {
        await using var restored = new ManagerHost();
        await _host.InitAsync(autolock: false);
        Backup(_host);
        var stray = Path.Combine(restored.Directory, "stray");
        File.WriteAllText(stray, "");
        Assert.Contains("is not empty", Assert.Throws<InvalidDataException>(() => Restore(restored, default)).Message, StringComparison.Ordinal);
        Assert.Equal([stray], Directory.EnumerateFileSystemEntries(restored.Directory));
        File.Delete(stray);

        using var saved = BackupFile.Open(BackupPath(_host)).Read(default);
        var cluster = saved.Store.Read(state => state.Cluster!.Clone());
        cluster.RootCa.CaKey = Google.Protobuf.ByteString.CopyFromUtf8("no key");
        saved.Store.Apply(new Batch { Format = 1, Mutations = { new Mutation { PutCluster = new PutCluster { Cluster = cluster } } } });
        Assert.ThrowsAny<Exception>(() => LoneCluster.Restore(saved, restored.Directory, restored.Address, restored.Address, TimeProvider.System.GetUtcNow(), NullLogger.Instance));
        Assert.Empty(Directory.EnumerateFileSystemEntries(restored.Directory));
        Restore(restored, default);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SwarmFile.PathIn(restored.Directory)));
    }

    private static string BackupPath(ManagerHost host) => Path.Combine(host.Directory, "b.skep");

    private static void Backup(ManagerHost host)
    {
        using var file = File.Create(BackupPath(host));
        BackupWriter.Write(host.Node.Manager!.Store, () => host.Node.Certificate!, host.Node.Status.ManagerId, "1", TimeProvider.System.GetUtcNow(), file);
    }

    private void Restore(ManagerHost target, ReadOnlyMemory<byte> key)
    {
        using var saved = BackupFile.Open(BackupPath(_host)).Read(key);
        LoneCluster.Restore(saved, target.Directory, target.Address, target.Address, TimeProvider.System.GetUtcNow(), NullLogger.Instance);
    }

    private static (string Id, Wire.RootCA Root, Wire.ClusterSpec Spec) Shared(ManagerHost host) => host.Node.Manager!.Store.Read(state => (state.Cluster!.Id, state.Cluster.RootCa, state.Cluster.Spec));

    private static List<string> Names(ManagerHost host) => host.Node.Manager!.Store.Read(state => state.Configs.Values.Select(config => config.Spec.Annotations.Name).Order(StringComparer.Ordinal).ToList());

    private static List<string> Contents(string directory) =>
        [.. Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(path => $"{path} {Convert.ToHexString(File.ReadAllBytes(path))}")];
}
