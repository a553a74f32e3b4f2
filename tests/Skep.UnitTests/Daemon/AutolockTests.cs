using System.Runtime.Versioning;
using Skep.Api.Swarm;
using Xunit;

namespace Skep.UnitTests.Daemon;

/// <summary>A whole manager, without an engine: locked, unlocked, and with what it writes looked through.</summary>
[SupportedOSPlatform("linux")]
public sealed class AutolockTests : IAsyncDisposable
{
    private const string Marker = "marker-of-a-secret-config";

    private readonly ManagerHost _host = new();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task A_locked_manager_waits_for_its_key_and_goes_on_with_it()
    {
        await _host.InitAsync(autolock: true);
        var key = await _host.Node.GetUnlockKeyAsync(CancellationToken.None);
        Assert.StartsWith("SWMKEY-1-", key, StringComparison.Ordinal);
        await _host.PutConfigAsync(Marker);
        await _host.RestartAsync();

        Assert.Equal(LocalNodeState.Locked, _host.Node.Status.State);
        Assert.Null(_host.Node.Manager);
        Assert.Equal((LifecycleError.Unauthorized, "swarm could not be unlocked: invalid key provided"), await _host.UnlockRefusedAsync("SWMKEY-1-abcd"));
        Assert.Equal((LifecycleError.InvalidParameter, "invalid key string"), await _host.UnlockRefusedAsync("abcd"));
        Assert.Equal(LocalNodeState.Locked, _host.Node.Status.State);

        await _host.Node.UnlockAsync(key, CancellationToken.None);
        Assert.Equal(LocalNodeState.Active, _host.Node.Status.State);
        Assert.Contains(_host.Node.Manager!.Store.Read(state => state.Configs.Values.ToList()), c => c.Spec.Data.ToStringUtf8() == Marker);
        Assert.Equal((LifecycleError.Conflict, "swarm is not locked"), await _host.UnlockRefusedAsync(key));
        Assert.Empty(_host.FilesThatContain(Marker, "PRIVATE KEY"));
    }

    [Fact]
    public async Task Turned_on_rotated_and_turned_off_while_it_works()
    {
        await _host.InitAsync(autolock: false);
        Assert.Equal("", await _host.Node.GetUnlockKeyAsync(CancellationToken.None));
        await _host.PutConfigAsync(Marker);
        Assert.NotEmpty(_host.FilesThatContain("PRIVATE KEY"));
        Assert.Empty(_host.FilesThatContain(Marker));

        await _host.UpdateAsync(r => r.Spec.EncryptionConfig.AutoLockManagers = true);
        await ManagerHost.UntilAsync(() => _host.FilesThatContain("PRIVATE KEY").Count == 0);
        var first = await _host.Node.GetUnlockKeyAsync(CancellationToken.None);
        await _host.UpdateAsync(r => r.Rotation = new Wire.KeyRotation { ManagerUnlockKey = true });
        var second = await _host.Node.GetUnlockKeyAsync(CancellationToken.None);
        Assert.NotEqual(first, second);
        await ManagerHost.UntilAsync(() => _host.OpensWith(second));
        await ManagerHost.UntilAsync(() => _host.KeysWith(second)!.DataKeys.Count == 1); // all is sealed anew

        await _host.RestartAsync();
        Assert.Equal(LifecycleError.Unauthorized, (await _host.UnlockRefusedAsync(first)).Error);
        await _host.Node.UnlockAsync(second, CancellationToken.None);
        await _host.UpdateAsync(r => r.Spec.EncryptionConfig.AutoLockManagers = false);
        await ManagerHost.UntilAsync(() => _host.FilesThatContain("PRIVATE KEY").Count == 1);
        await _host.RestartAsync();
        Assert.Equal(LocalNodeState.Active, _host.Node.Status.State);
        Assert.Single(_host.Node.Manager!.Store.Read(state => state.Configs.Values.ToList()));
        Assert.Empty(_host.FilesThatContain(Marker));
    }

    [Fact]
    public async Task A_locked_manager_may_leave()
    {
        await _host.InitAsync(autolock: true);
        await _host.RestartAsync();
        await _host.Node.LeaveAsync(force: true, CancellationToken.None);

        Assert.Equal(LocalNodeState.Inactive, _host.Node.Status.State);
        Assert.False(File.Exists(_host.KeyFile));
        await _host.InitAsync(autolock: false);
        Assert.Equal(LocalNodeState.Active, _host.Node.Status.State);
    }

    [Fact]
    public async Task Managers_that_join_are_locked_too_and_one_that_was_down_opens_with_the_old_key()
    {
        await using var second = new ManagerHost();
        await using var third = new ManagerHost();
        await _host.InitAsync(autolock: true);
        var first = await _host.Node.GetUnlockKeyAsync(CancellationToken.None);
        await second.JoinAsync(_host);
        await third.JoinAsync(_host);
        foreach (var host in (ManagerHost[])[second, third])
        {
            Assert.True(host.OpensWith(first));
            Assert.Empty(host.FilesThatContain("PRIVATE KEY"));
            Assert.Equal(first, await host.Node.GetUnlockKeyAsync(CancellationToken.None));
        }

        await third.StopAsync();
        await _host.UpdateAsync(r => r.Rotation = new Wire.KeyRotation { ManagerUnlockKey = true });
        var next = await _host.Node.GetUnlockKeyAsync(CancellationToken.None);
        await ManagerHost.UntilAsync(() => _host.OpensWith(next) && second.OpensWith(next));
        await third.Node.StartAsync(CancellationToken.None);
        Assert.Equal(LocalNodeState.Locked, third.Node.Status.State);
        Assert.Equal(LifecycleError.Unauthorized, (await third.UnlockRefusedAsync(next)).Error);
        await third.Node.UnlockAsync(first, CancellationToken.None);
        await ManagerHost.UntilAsync(() => third.OpensWith(next));
        Assert.False(third.OpensWith(first));

        await second.UpdateAsync(r => r.Spec.EncryptionConfig.AutoLockManagers = false);
        await ManagerHost.UntilAsync(() => ((ManagerHost[])[_host, second, third]).All(host => host.FilesThatContain("PRIVATE KEY").Count == 1));
    }
}
