using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Api.Swarm;
using Skep.Storage;
using Xunit;

namespace Skep.UnitTests.Daemon;

/// <summary>Whole managers, without engines: two of three are lost, and the third goes on.</summary>
[SupportedOSPlatform("linux")]
public sealed class ForceNewClusterTests : IAsyncDisposable
{
    private readonly ManagerHost _host = new();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_manager_goes_on_alone_with_all_that_it_has_and_the_others_do_not_disturb_it(bool restartsFirst)
    {
        await using var second = new ManagerHost();
        await using var third = new ManagerHost();
        await _host.InitAsync(autolock: false);
        await second.JoinAsync(_host);
        await third.JoinAsync(_host);
        await third.PutConfigAsync("before");
        await ManagerHost.UntilAsync(() => Configs(_host) == 1);
        var before = _host.Node.Manager!.Store.Read(state => (state.Cluster!.Id, state.Cluster.RootCa, state.Cluster.RootCa.JoinTokens));
        var old = _host.SwarmFile;
        await second.StopAsync();
        await third.StopAsync();
        if (restartsFirst)
            await _host.RestartAsync();

        await _host.ForceNewClusterAsync();
        Assert.Equal((LocalNodeState.Active, _host.Node.Status.ManagerId), (_host.Node.Status.State, _host.Node.Status.LeaderId));
        Assert.Equal(before, _host.Node.Manager!.Store.Read(state => (state.Cluster!.Id, state.Cluster.RootCa, state.Cluster.RootCa.JoinTokens)));
        Assert.Equal([old.ManagerId], _host.Node.Manager.Store.Read(state => state.Managers.Keys.ToList()));
        Assert.NotEqual(old.RaftId, _host.SwarmFile.RaftId);
        Assert.False(_host.SwarmFile.GoesOnAlone);
        Assert.Equal((1, old.AdvertiseAddr), (Configs(_host), _host.SwarmFile.AdvertiseAddr));
        Assert.Equal([_host.SwarmFile.LogFolder], _host.LogFolders);

        // Both together are a majority of the old group, which counts the third as one of its members.
        await second.Node.StartAsync(CancellationToken.None);
        await third.Node.StartAsync(CancellationToken.None);
        await ManagerHost.UntilAsync(() => second.Node.Manager!.IsLeader || third.Node.Manager!.IsLeader);
        await (second.Node.Manager!.IsLeader ? second : third).PutConfigAsync("of the old group", "d");
        await _host.PutConfigAsync("of the new one", "e");
        await Task.Delay(500);
        Assert.Equal(2, Configs(_host));
        Assert.Equal(_host.Node.Status.ManagerId, _host.Node.Status.LeaderId);

        await third.StopAsync();
        await second.Node.LeaveAsync(force: true, CancellationToken.None);
        await second.JoinAsync(_host);
        Assert.Equal(2, Configs(second));
        await _host.RestartAsync();
        await ManagerHost.UntilAsync(() => _host.Node.Status.LeaderId.Length > 0 && Configs(_host) == 2);
    }

    /// <summary>The new group is named, and then power fails: what is left to do is done at the next start.</summary>
    [Fact]
    public async Task A_crash_after_the_switch_is_made_good_by_the_next_start()
    {
        await using var second = new ManagerHost();
        await _host.InitAsync(autolock: false);
        await second.JoinAsync(_host);
        await _host.PutConfigAsync("data");
        var file = _host.SwarmFile;
        await second.StopAsync();
        await _host.StopAsync();
        LoneCluster.Continue(_host.Directory, file, file.ListenAddr, file.AdvertiseAddr, _host.Keys, NullLogger.Instance);
        Assert.True(_host.SwarmFile.GoesOnAlone);
        Assert.Equal(2, _host.LogFolders.Count);

        await _host.Node.StartAsync(CancellationToken.None);
        Assert.False(_host.SwarmFile.GoesOnAlone);
        Assert.Equal([_host.SwarmFile.LogFolder], _host.LogFolders);
        Assert.Equal([file.ManagerId], _host.Node.Manager!.Store.Read(state => state.Managers.Keys.ToList()));
        Assert.Equal(1, Configs(_host));
    }

    /// <summary>Before it: what was begun is removed, and this host is the member that it was.</summary>
    [Fact]
    public async Task A_crash_before_the_switch_leaves_the_old_group()
    {
        await using var second = new ManagerHost();
        await _host.InitAsync(autolock: false);
        await second.JoinAsync(_host);
        var file = _host.SwarmFile;
        await _host.StopAsync();
        LoneCluster.Continue(_host.Directory, file, file.ListenAddr, file.AdvertiseAddr, _host.Keys, NullLogger.Instance);
        file.Write(_host.Directory);

        await _host.Node.StartAsync(CancellationToken.None);
        Assert.Equal(["raft"], _host.LogFolders);
        await ManagerHost.UntilAsync(() => _host.Node.Status.LeaderId.Length > 0);
        Assert.Equal(2, _host.Node.Manager!.Store.Read(state => state.Managers.Count));
        await _host.PutConfigAsync("data");
    }

    [Fact]
    public async Task With_a_quorum_it_works_too()
    {
        await using var second = new ManagerHost();
        await _host.InitAsync(autolock: false);
        await second.JoinAsync(_host);
        await second.ForceNewClusterAsync();
        Assert.Equal([second.SwarmFile.ManagerId], second.Node.Manager!.Store.Read(state => state.Managers.Keys.ToList()));
        await second.PutConfigAsync("data");
    }

    [Fact]
    public async Task The_only_manager_may_do_it_and_twice()
    {
        await _host.InitAsync(autolock: false);
        await _host.PutConfigAsync("data");
        await _host.ForceNewClusterAsync();
        await _host.ForceNewClusterAsync();
        Assert.Equal(1, Configs(_host));
        Assert.Single(_host.LogFolders);
    }

    [Fact]
    public async Task Without_a_cluster_it_makes_one_as_stock_does()
    {
        await _host.ForceNewClusterAsync();
        Assert.Equal(LocalNodeState.Active, _host.Node.Status.State);
    }

    [Fact]
    public async Task A_locked_manager_must_be_unlocked_first_and_stays_locked_with_the_same_key()
    {
        await _host.InitAsync(autolock: true);
        var key = await _host.Node.GetUnlockKeyAsync(CancellationToken.None);
        await _host.PutConfigAsync("data");
        await _host.RestartAsync();
        var refusal = await Assert.ThrowsAsync<SwarmLifecycleException>(_host.ForceNewClusterAsync);
        Assert.Equal("Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.", refusal.Message);

        await _host.Node.UnlockAsync(key, CancellationToken.None);
        await _host.ForceNewClusterAsync();
        Assert.Equal(1, Configs(_host));
        await _host.RestartAsync();
        Assert.Equal(LocalNodeState.Locked, _host.Node.Status.State);
        await _host.Node.UnlockAsync(key, CancellationToken.None);
        Assert.Equal(1, Configs(_host));
    }

    [Fact]
    public async Task An_address_given_along_is_its_address_from_then_on()
    {
        await _host.InitAsync(autolock: false);
        var port = TestPort.Take();
        await _host.ForceNewClusterAsync(listen: $"127.0.0.1:{port}", advertise: "");
        Assert.Equal($"127.0.0.1:{port}", _host.SwarmFile.AdvertiseAddr);
        Assert.Equal($"127.0.0.1:{port}", _host.Node.Manager!.Store.Read(state => state.Managers.Values.Single().Addr));
    }

    [Fact]
    public async Task When_the_new_address_is_taken_the_operator_is_told_and_may_try_another()
    {
        await using var other = new ManagerHost();
        await other.InitAsync(autolock: false);
        await _host.InitAsync(autolock: false);
        await _host.PutConfigAsync("data");
        var refusal = await Assert.ThrowsAsync<SwarmLifecycleException>(() => _host.ForceNewClusterAsync(listen: $"127.0.0.1:{other.Port}", advertise: ""));
        Assert.Contains("address already in use", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(LocalNodeState.Error, _host.Node.Status.State);
        await _host.ForceNewClusterAsync(listen: $"127.0.0.1:{_host.Port}", advertise: "");
        Assert.Equal((LocalNodeState.Active, 1), (_host.Node.Status.State, Configs(_host)));
    }

    private static int Configs(ManagerHost host) => host.Node.Manager!.Store.Read(state => state.Configs.Count);
}
