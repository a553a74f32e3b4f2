using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>The cluster gets back to the wanted state after something died.</summary>
[Trait("Category", "slow")]
public sealed class FailureTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task A_container_killed_by_hand_is_replaced_on_the_same_slot()
    {
        await Cluster.Docker($"{Create} --name web --replicas 2 --restart-delay 1s box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        var victim = (await Cluster.Containers("h2", "web")).Single();
        await Cluster.Engine("h2", $"kill {victim}");
        await Cluster.WaitFor("another container in its place", 30,
            async () => (await Cluster.Containers("h1", "web")).Concat(await Cluster.Containers("h2", "web")).ToArray(), ids => ids.Length == 2 && !ids.Contains(victim));
        await Cluster.WaitForReplicas("web", "2/2");
        var history = (await Cluster.Docker("service ps web --no-trunc --format '{{.Name}} {{.CurrentState}} {{.Error}}'")).Lines;
        Assert.Contains(history, l => l.Contains("Failed", StringComparison.Ordinal) && l.Contains("task: non-zero exit (137)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_task_that_ends_well_is_not_restarted_on_failure_only()
    {
        await Cluster.Docker($"{Create} --name once --restart-condition on-failure box:1 true");
        await Cluster.WaitFor("Complete", 20, async () => (await Cluster.Docker("service ps once --format '{{.CurrentState}}'")).Lines, l => l.Length == 1 && l[0].StartsWith("Complete", StringComparison.Ordinal));
        await Task.Delay(2000);
        Assert.Single((await Cluster.Docker("service ps -q once")).Lines);
    }

    [Fact]
    public async Task Restarts_stop_after_max_attempts()
    {
        await Cluster.Docker($"{Create} --name fails --restart-max-attempts 2 --restart-delay 200ms box:1 false");
        await Cluster.WaitFor("three failures", 30, async () => (await Cluster.Docker("service ps fails --format '{{.CurrentState}}'")).Lines, l => l.Count(s => s.StartsWith("Failed", StringComparison.Ordinal)) == 3);
        await Task.Delay(1500);
        Assert.Equal(3, (await Cluster.Docker("service ps -q fails")).Lines.Length);
    }

    [Fact]
    public async Task A_killed_engine_goes_down_its_tasks_move_and_it_comes_back()
    {
        await Cluster.Docker($"{Create} --name web --replicas 4 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "4/4");
        await Cluster.Hosts.KillEngine("h2");
        try
        {
            // 3 missed heartbeats of 5 s, then the tasks are made anew elsewhere
            await Cluster.WaitForNode("h2", "Down", 40);
            await Cluster.WaitFor("four containers on h1", 40, () => Cluster.Containers("h1", "web"), ids => ids.Length == 4);
        }
        finally
        {
            await Cluster.Hosts.RestartEngine("h2");
        }
        await Cluster.WaitForNode("h2", "Ready");
        await Cluster.WaitForReplicas("web", "4/4");
        await Cluster.WaitFor("the old containers on h2 to go", 30, () => Cluster.Containers("h2", "web"), ids => ids.Length == 0);
    }

    [Fact]
    public async Task An_engine_restarted_at_once_gets_its_tasks_back()
    {
        await Cluster.Docker($"{Create} --name web --replicas 4 --restart-delay 1s box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "4/4");
        await Cluster.Hosts.KillEngine("h2");
        await Cluster.Hosts.RestartEngine("h2");
        await Cluster.WaitForNode("h2", "Ready");
        await Cluster.WaitFor("four containers", 40,
            async () => (await Cluster.Containers("h1", "web")).Length + (await Cluster.Containers("h2", "web")).Length, n => n == 4);
        await Cluster.WaitForReplicas("web", "4/4");
    }
}
