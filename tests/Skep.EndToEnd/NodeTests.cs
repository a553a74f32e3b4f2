using System.Text.Json;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Engines that join, leave, are removed or are refused. h3 is the guest; h4 the one with a newer engine.</summary>
[Trait("Category", "slow")]
public sealed class NodeTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Node_ls_and_inspect_show_the_engines()
    {
        var nodes = (await Cluster.Docker("node ls --format '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}'")).Lines;
        Assert.Contains("h1 Ready Active Leader", nodes);
        Assert.Contains("h2 Ready Active", nodes.Select(n => n.TrimEnd()));
        Assert.Contains(Cluster.Hosts.Address("h2"), (await Cluster.Docker("node inspect --pretty h2")).Out, StringComparison.Ordinal);
        var h2 = JsonDocument.Parse((await Cluster.Docker("node inspect h2")).Out).RootElement[0];
        Assert.Equal("worker", h2.GetProperty("Spec").GetProperty("Role").GetString());
        Assert.Equal(Environment.ProcessorCount * 1_000_000_000L, h2.GetProperty("Description").GetProperty("Resources").GetProperty("NanoCPUs").GetInt64());
        Assert.Equal("h1", (await Cluster.Docker("node inspect self --format '{{.Description.Hostname}}'")).Out.Trim());
    }

    [Fact]
    public async Task Info_shows_an_active_manager()
    {
        var info = (await Cluster.Docker("info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Nodes}} {{.Swarm.Managers}} {{.Swarm.NodeAddr}}'")).Out.Trim();
        Assert.Equal($"active true 2 1 {Cluster.Hosts.Address("h1")}", info);
        Assert.Equal("active false", (await Cluster.Engine("h2", "info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}'")).Out.Trim());
        var refused = await Cluster.TryEngine("h2", "node ls");
        Assert.Contains("This node is not a swarm manager", refused.Err, StringComparison.Ordinal);
        var again = await Cluster.TryDocker("swarm init");
        Assert.Contains("This node is already part of a swarm", again.Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_joins_leaves_and_is_removed()
    {
        await Guest();
        await Cluster.Join("h3");
        await Cluster.Docker($"{Create} --name web --mode global box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "3/3");
        var busy = await Cluster.TryDocker("node rm h3");
        Assert.NotEqual(0, busy.ExitCode);
        Assert.Contains("is not down and can't be removed", busy.Err, StringComparison.Ordinal);
        await Cluster.Engine("h3", "swarm leave");
        await Cluster.WaitForNode("h3", "Down", 40);
        Assert.Equal("h3", (await Cluster.Docker("node rm h3")).Out.Trim());
        await Cluster.WaitForReplicas("web", "2/2");
        Assert.Equal(2, (await Cluster.Docker("node ls -q")).Lines.Length);
        Assert.Equal("inactive", (await Cluster.Engine("h3", "info --format '{{.Swarm.LocalNodeState}}'")).Out.Trim());
    }

    [Fact]
    public async Task A_node_removed_by_force_is_locked_out()
    {
        await Guest();
        await Cluster.Join("h3");
        await Cluster.Docker($"{Create} --name web --mode global box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "3/3");
        await Cluster.Docker("node rm --force h3");
        // Its certificate is good for months, yet it gets no session any more, not even after a restart.
        await Cluster.Hosts.KillEngine("h3");
        await Cluster.Hosts.RestartEngine("h3");
        await Task.Delay(5000);
        Assert.DoesNotContain("h3", (await Cluster.Docker("node ls --format '{{.Hostname}}'")).Lines);
        await Cluster.WaitForReplicas("web", "2/2");
        await Cluster.Engine("h3", "swarm leave --force");
    }

    [Fact]
    public async Task A_rotated_token_lets_no_one_in_any_more()
    {
        await Guest();
        var old = await Cluster.Token("worker");
        var fresh = (await Cluster.Docker("swarm join-token --rotate -q worker")).Out.Trim();
        Assert.NotEqual(old, fresh);
        Assert.Equal(old.Split('-')[2], fresh.Split('-')[2]); // the same root
        var refused = await Cluster.TryEngine("h3", $"swarm join --token {old} {Cluster.Hosts.Address("h1")}:2377");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("A valid join token is necessary to join this cluster", refused.Err, StringComparison.Ordinal);
        await Cluster.TryEngine("h3", "swarm leave --force");
        await Cluster.Join("h3");
        await Leave();
    }

    [Fact]
    public async Task A_token_of_another_cluster_is_refused_by_the_engine()
    {
        await Guest();
        var digest = new string('0', 49) + "1";
        var refused = await Cluster.TryEngine("h3", $"swarm join --token SWMTKN-1-{digest}-{(await Cluster.Token("worker")).Split('-')[3]} {Cluster.Hosts.Address("h1")}:2377");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("remote CA does not match fingerprint", refused.Err, StringComparison.Ordinal);
        await Cluster.TryEngine("h3", "swarm leave --force");
    }

    [Fact]
    public async Task An_engine_with_a_manager_token_is_refused_by_skepd_with_a_clear_text()
    {
        OnlySkepd("stock managers let a second manager in");
        await Guest();
        var refused = await Cluster.TryEngine("h3", $"swarm join --token {await Cluster.Token("manager")} {Cluster.Hosts.Address("h1")}:2377");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("skepd", refused.Err, StringComparison.Ordinal);
        await Cluster.TryEngine("h3", "swarm leave --force");
        var promote = await Cluster.TryDocker("node promote h2");
        Assert.NotEqual(0, promote.ExitCode);
        Assert.Contains("skepd", promote.Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_newer_engine_joins_runs_tasks_and_stays()
    {
        try
        {
            await Cluster.Hosts.StartEngine("h4", "26");
        }
        catch (InvalidOperationException e) when (e.Message.Contains("newer-engine:", StringComparison.Ordinal))
        {
            Assert.Skip(e.Message.Split('\n').First(l => l.StartsWith("newer-engine:", StringComparison.Ordinal)));
        }
        try
        {
            await Cluster.Join("h4");
            Assert.Contains((await Cluster.Docker("node ls --format '{{.Hostname}} {{.EngineVersion}}'")).Lines, l => l.StartsWith("h4 26.", StringComparison.Ordinal));
            await Cluster.Docker("network create -d overlay back");
            await Cluster.Docker($"{Create} --name web --mode global --network back box:1 sleep 1d");
            await Cluster.WaitForReplicas("web", "3/3");
            var id = (await Cluster.Containers("h4", "web")).Single();
            await Cluster.WaitFor("three addresses behind tasks.web", 20, () => Cluster.TryEngine("h4", $"exec {id} nslookup -type=a tasks.web"),
                r => r.Lines.Count(l => l.StartsWith("Address", StringComparison.Ordinal) && l.Contains("10.0.", StringComparison.Ordinal)) == 3);
            await Cluster.Engine("h4", "swarm leave");
            await Cluster.Docker("node rm --force h4");
        }
        finally
        {
            await Cluster.TryEngine("h4", "swarm leave --force");
            await Cluster.Hosts.Stop("h4", "dockerd");
            await Cluster.Hosts.Stop("h4", "containerd");
        }
    }

    /// <summary>h3's engine, started at first use, in no swarm.</summary>
    private async Task Guest()
    {
        if ((await Cluster.Hosts.Exec("h3", "curl", "-s", "-m", "2", "--unix-socket", $"{Cluster.Hosts.Folder}/h3/docker.sock", "http://engine/_ping")).ExitCode != 0)
            await Cluster.Hosts.StartEngine("h3");
        if ((await Cluster.Engine("h3", "info --format '{{.Swarm.LocalNodeState}}'")).Out.Trim() != "inactive") await Cluster.Engine("h3", "swarm leave --force");
        foreach (var gone in (await Cluster.Docker("node ls --format '{{.ID}} {{.Hostname}}'")).Lines.Where(l => l.EndsWith(" h3", StringComparison.Ordinal)))
            await Cluster.Docker($"node rm --force {gone.Split(' ')[0]}");
    }

    private async Task Leave()
    {
        await Cluster.Engine("h3", "swarm leave");
        await Cluster.Docker("node rm --force h3");
    }
}
