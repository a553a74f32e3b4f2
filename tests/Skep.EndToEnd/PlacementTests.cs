using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Where tasks go, and what is said of those that can go nowhere.</summary>
[Trait("Category", "slow")]
public sealed class PlacementTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Constraints_on_labels_and_host_names_are_kept()
    {
        await Cluster.Docker("node update --label-add disk=ssd h2");
        try
        {
            await Cluster.Docker($"{Create} --name onlabel --replicas 3 --constraint node.labels.disk==ssd box:1 sleep 1d");
            await Cluster.Docker($"{Create} --name notlabel --replicas 2 --constraint node.labels.disk!=ssd box:1 sleep 1d");
            await Cluster.WaitForReplicas("onlabel", "3/3");
            await Cluster.WaitForReplicas("notlabel", "2/2");
            Assert.Equal(3, (await Cluster.Containers("h2", "onlabel")).Length);
            Assert.Equal(2, (await Cluster.Containers("h1", "notlabel")).Length);
            // The label goes: its tasks no longer fit, and wait.
            await Cluster.Docker("node update --label-rm disk h2");
            await Cluster.WaitForReplicas("onlabel", "0/3");
        }
        finally
        {
            await Cluster.TryDocker("node update --label-rm disk h2");
        }
    }

    [Fact]
    public async Task A_task_that_fits_nowhere_waits_and_says_why_until_a_node_fits()
    {
        await Cluster.Docker($"{Create} --name picky --constraint node.labels.zone==north box:1 sleep 1d");
        await Reason("picky", "no suitable node (scheduling constraints not satisfied on 2 nodes)");
        await Cluster.Docker("node update --label-add zone=north h1");
        try
        {
            await Cluster.WaitForReplicas("picky", "1/1");
        }
        finally
        {
            await Cluster.Docker("node update --label-rm zone h1");
        }
    }

    [Fact]
    public async Task A_reservation_beyond_all_nodes_waits_with_the_reason()
    {
        await Cluster.Docker($"{Create} --name huge --reserve-memory 900G box:1 sleep 1d");
        await Reason("huge", "no suitable node (insufficient resources on 2 nodes)");
        await Cluster.Docker("service update -d -q --no-resolve-image --reserve-memory 10M huge");
        await Cluster.WaitForReplicas("huge", "1/1");
    }

    [Fact]
    public async Task Reservations_add_up_until_nodes_are_full()
    {
        var cpus = Environment.ProcessorCount;
        await Cluster.Docker($"{Create} --name cpus --replicas {(2 * cpus) + 1} --reserve-cpu 1 box:1 sleep 1d");
        await Cluster.WaitForReplicas("cpus", $"{2 * cpus}/{(2 * cpus) + 1}");
        await Reason("cpus", "no suitable node (insufficient resources on 2 nodes)");
    }

    [Fact]
    public async Task A_limit_reaches_the_container()
    {
        await Cluster.Docker($"{Create} --name small --limit-memory 32M --constraint node.hostname==h2 box:1 sleep 1d");
        await Cluster.WaitForReplicas("small", "1/1");
        var id = (await Cluster.Containers("h2", "small")).Single();
        Assert.Equal($"{32 << 20}", (await Cluster.Engine("h2", $"inspect {id} --format '{{{{.HostConfig.Memory}}}}'")).Out.Trim());
    }

    [Fact]
    public async Task At_most_so_many_replicas_per_node()
    {
        await Cluster.Docker($"{Create} --name few --replicas 3 --replicas-max-per-node 1 box:1 sleep 1d");
        await Cluster.WaitForReplicas("few", "2/3");
        await Reason("few", "no suitable node (max replicas per node limit exceed)");
    }

    [Fact]
    public async Task A_drained_node_is_emptied_and_used_again_when_active()
    {
        await Cluster.Docker($"{Create} --name web --replicas 4 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "4/4");
        await Cluster.Docker("node update --availability drain h2");
        try
        {
            await Cluster.WaitFor("h2 to be empty", 30, () => Cluster.Containers("h2", "web"), ids => ids.Length == 0);
            await Cluster.WaitForReplicas("web", "4/4");
            Assert.Equal(4, (await Cluster.Containers("h1", "web")).Length);
        }
        finally
        {
            await Cluster.Docker("node update --availability active h2");
        }
        await Cluster.Docker("service scale -d web=8");
        await Cluster.WaitForReplicas("web", "8/8");
        Assert.Equal(4, (await Cluster.Containers("h2", "web")).Length);
    }

    [Fact]
    public async Task A_paused_node_keeps_its_tasks_and_gets_no_new_ones()
    {
        await Cluster.Docker($"{Create} --name web --replicas 2 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        await Cluster.Docker("node update --availability pause h2");
        try
        {
            await Cluster.Docker("service scale -d web=4");
            await Cluster.WaitForReplicas("web", "4/4");
            Assert.Single(await Cluster.Containers("h2", "web"));
        }
        finally
        {
            await Cluster.Docker("node update --availability active h2");
        }
    }

    private Task Reason(string service, string words) =>
        Cluster.WaitFor($"{service}'s reason", 20, async () => (await Cluster.Docker($"service ps --no-trunc {service} --format '{{{{.CurrentState}}}} {{{{.Error}}}}'")).Lines,
            lines => lines.Any(l => l.StartsWith("Pending", StringComparison.Ordinal) && l.Contains(words, StringComparison.Ordinal)));
}
