using Skep.EndToEnd.Lab;
using Xunit;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
[assembly: AssemblyFixture(typeof(Cluster))]

namespace Skep.EndToEnd;

/// <summary>A test on the shared cluster: skipped with the reason where no engine can run; leaves no service behind.</summary>
public abstract class ClusterTest(Cluster cluster) : IAsyncLifetime
{
    /// <summary>Creates a detached service that is not looked up in a registry and ends at once when told to.</summary>
    protected const string Create = "service create -d -q --no-resolve-image --stop-grace-period 1s";

    protected Cluster Cluster { get; } = cluster;

    public ValueTask InitializeAsync()
    {
        Assert.SkipWhen(Cluster.Unavailable is not null, Cluster.Unavailable ?? "");
        if (Cluster.Failure is not null) Assert.Fail(Cluster.Failure);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (Cluster.Unavailable is null && Cluster.Failure is null) await Cluster.Clear();
    }

    /// <summary>For what only skepd promises.</summary>
    protected void OnlySkepd(string why) => Assert.SkipWhen(Cluster.Peer is not SkepdPeer, $"peer dockerd: {why}");
}
