using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Managers beside real engines are lost for good: the cluster goes on from one of them, or from a backup, and containers keep running.</summary>
[Trait("Category", "slow")]
public sealed class DisasterTests(ManagerGroup managers) : IClassFixture<ManagerGroup>
{
    private const string Create = "service create -d -q --no-resolve-image --stop-grace-period 1s";

    [Fact]
    public async Task A_lost_quorum_and_then_a_restored_backup_touch_no_container()
    {
        Assert.SkipWhen(Cluster.WhyUnavailable() is not null, Cluster.WhyUnavailable() ?? "");
        if (managers.Failure is not null) Assert.Fail(managers.Failure);
        await managers.WholeAsync();
        await managers.Docker("h1", $"{Create} --name web --replicas 6 box:1 sleep 1d");
        await managers.WaitForReplicasAsync("h1", "web", "6/6");
        var before = await managers.ContainersAsync("web");

        await managers.KillAsync("h2");
        await managers.KillAsync("h3");
        await managers.Docker("h1", "swarm init --force-new-cluster");
        await EnginesAreBackAsync();
        await managers.WaitForReplicasAsync("h1", "web", "6/6");
        Assert.Equal(before, await managers.ContainersAsync("web"));
        await managers.Docker("h1", "service scale -d web=8");
        await managers.WaitForReplicasAsync("h1", "web", "8/8");

        await managers.StartAsync("h2");
        await Cluster.WaitFor("h2 to see that it was left behind", 30, () => managers.TryDocker("h2", "info --format '{{.Swarm.LocalNodeState}}'"), info => info.Out.Trim() == "error");
        await managers.Docker("h2", "swarm leave --force");
        await managers.JoinAsync("h2", "manager");
        await managers.WaitForReplicasAsync("h2", "web", "8/8");
        before = await managers.ContainersAsync("web");

        var backup = Path.Combine(managers.Hosts.Folder, "b.skep");
        await SkepTool.Run("-H", SkepdPeer.SocketOn(managers.Hosts, "h2"), "backup", backup);
        await managers.KillAsync("h1");
        await managers.KillAsync("h2");
        var data = $"{managers.Hosts.Folder}/h1/skep";
        Directory.Move(data, data + ".old");
        await SkepTool.Run("restore", backup, "--data-dir", data, "--advertise-addr", managers.Hosts.Address("h1"));
        await managers.StartAsync("h1");
        await EnginesAreBackAsync();
        await managers.WaitForReplicasAsync("h1", "web", "8/8");
        Assert.Equal(before, await managers.ContainersAsync("web"));
        Assert.Equal("Leader", (await managers.StatusesOfReadyAsync("h1"))["h1"]);
        await managers.Docker("h1", "service scale -d web=9");
        await managers.WaitForReplicasAsync("h1", "web", "9/9");
        Assert.Empty(before.Except(await managers.ContainersAsync("web")));
    }

    private async Task EnginesAreBackAsync()
    {
        await Cluster.WaitFor("every engine to be ready", 40, () => managers.StatusesOfReadyAsync("h1"), ready => ManagerGroup.Names.All(ready.ContainsKey));
        // Long enough for a mistake to show: an engine that is told to, stops a container at once.
        await Task.Delay(8000);
    }
}
