using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>The one quick look for `./test fast`.</summary>
public sealed class SmokeTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task A_service_runs_on_two_engines_and_goes()
    {
        await Cluster.Docker($"{Create} --name smoke --replicas 4 box:1 sleep 1d");
        await Cluster.WaitForReplicas("smoke", "4/4");
        Assert.Equal(2, (await Cluster.Containers("h1", "smoke")).Length);
        Assert.Equal(2, (await Cluster.Containers("h2", "smoke")).Length);
        await Cluster.Docker("service rm smoke");
        await Cluster.Clear();
        Assert.Empty(await Cluster.Containers("h1", "smoke"));
    }
}
