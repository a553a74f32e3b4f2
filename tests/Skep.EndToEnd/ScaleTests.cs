using System.Diagnostics;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>The figures on this machine: two engines, 100 containers. Loosely asserted (other work may share the cores); the figures are kept.</summary>
[Trait("Category", "slow")]
public sealed class ScaleTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Six_then_a_hundred_replicas_run_and_go_again()
    {
        var clock = Stopwatch.StartNew();
        await Cluster.Docker("service create -d -q --no-resolve-image --name many --replicas 6 box:1 sleep 1d");
        await Cluster.WaitForReplicas("many", "6/6");
        Cluster.Measure("create 6", clock.Elapsed.TotalSeconds, "s");
        clock.Restart();
        await Cluster.Docker("service scale -d many=50");
        await Cluster.WaitForReplicas("many", "50/50", 60);
        Cluster.Measure("scale 6 to 50", clock.Elapsed.TotalSeconds, "s");
        clock.Restart();
        await Cluster.Docker("service scale -d many=100");
        await Cluster.WaitForReplicas("many", "100/100", 60);
        Cluster.Measure("scale 50 to 100", clock.Elapsed.TotalSeconds, "s");
        Assert.Equal(50, (await Cluster.Containers("h1", "many")).Length);
        Assert.Equal(50, (await Cluster.Containers("h2", "many")).Length);
        clock.Restart();
        await Cluster.Docker("service rm many");
        foreach (var host in new[] { "h1", "h2" })
            await Cluster.WaitFor($"no container on {host}", 90, async () => (await Cluster.Engine(host, "ps -aq --filter label=com.docker.swarm.service.name=many")).Lines.Length, n => n == 0);
        Cluster.Measure("remove 100", clock.Elapsed.TotalSeconds, "s");
        Assert.True(clock.Elapsed.TotalSeconds < 60, "removing 100 took more than a minute");
    }
}
