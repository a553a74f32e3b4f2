using System.Diagnostics;
using System.Globalization;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>What skepd promises for itself: its death harms no container, it is back at once, it idles cheaply.</summary>
[Trait("Category", "slow")]
public sealed class ManagerCrashTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Kill_9_of_skepd_harms_no_container_and_it_answers_again_within_two_seconds()
    {
        OnlySkepd("a stock manager dies with its engine, and its containers with it");
        await Cluster.Docker($"{Create} --name web --replicas 6 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "6/6");
        var (containers, tasks) = (await All(), await Tasks());
        await Cluster.Hosts.Kill("h1", "skepd");
        await Task.Delay(1000);
        Assert.Equal(containers, await All());
        var clock = Stopwatch.StartNew();
        await Cluster.Peer.Start(Cluster.Hosts);
        Cluster.Measure("start to first answer (2 nodes, 6 tasks)", clock.Elapsed.TotalSeconds, "s");
        await Cluster.WaitFor("node ls to answer", 20, () => Cluster.TryDocker("node ls"), r => r.ExitCode == 0);
        Cluster.Measure("kill -9 to node ls", clock.Elapsed.TotalSeconds, "s");
        Assert.True(clock.Elapsed.TotalSeconds < 2, $"node ls answered after {clock.Elapsed.TotalSeconds:0.0} s");
        await Cluster.WaitForNode("h2", "Ready");
        await Task.Delay(8000); // long enough for every engine to have a session again and for a mistake to show
        Assert.Equal(containers, await All());
        Assert.Equal(tasks, await Tasks());
        await Cluster.WaitForReplicas("web", "6/6");
    }

    [Fact]
    public async Task Kill_9_in_the_middle_of_work_loses_nothing_that_was_answered()
    {
        OnlySkepd("a stock manager dies with its engine");
        for (var round = 0; round < 3; round++)
        {
            var name = $"r{round}";
            await Cluster.Docker($"{Create} --name {name} --replicas 10 box:1 sleep 1d"); // answered: from here on it is kept
            await Task.Delay(150 * round);
            await Cluster.Hosts.Kill("h1", "skepd");
            await Cluster.Peer.Start(Cluster.Hosts);
            await Cluster.WaitForReplicas(name, "10/10");
        }
        Assert.Equal(3, (await Cluster.Docker("service ls -q")).Lines.Length);
        Assert.Equal(30, (await Cluster.Containers("h1", "r0")).Length + (await Cluster.Containers("h2", "r0")).Length
            + (await Cluster.Containers("h1", "r1")).Length + (await Cluster.Containers("h2", "r1")).Length
            + (await Cluster.Containers("h1", "r2")).Length + (await Cluster.Containers("h2", "r2")).Length);
    }

    [Fact]
    public async Task Sigterm_ends_skepd_within_ten_seconds_and_a_restart_goes_on()
    {
        OnlySkepd("about skepd's own end");
        await Cluster.Docker($"{Create} --name web --replicas 2 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        var containers = await All();
        var clock = Stopwatch.StartNew();
        await Cluster.Hosts.Stop("h1", "skepd");
        Assert.True(clock.Elapsed.TotalSeconds < 10, $"skepd took {clock.Elapsed.TotalSeconds:0.0} s to end");
        await Cluster.Peer.Start(Cluster.Hosts);
        await Cluster.WaitForReplicas("web", "2/2");
        Assert.Equal(containers, await All());
    }

    [Fact]
    public async Task Idle_costs_little()
    {
        OnlySkepd("a stock manager is one process with its engine");
        await Task.Delay(5000);
        var pid = await Cluster.Hosts.ProcessId("h1", "skepd");
        var (before, clock) = (CpuSeconds(pid), Stopwatch.StartNew());
        await Task.Delay(15_000);
        var percent = 100 * (CpuSeconds(pid) - before) / clock.Elapsed.TotalSeconds;
        var megabytes = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
            .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1];
        var rss = double.Parse(megabytes, CultureInfo.InvariantCulture) / 1024;
        Cluster.Measure("idle CPU", percent, "% of a core");
        Cluster.Measure("idle memory", rss, "MiB");
        Assert.True(percent < 1, $"idle skepd uses {percent:0.00} % of a core");
        Assert.True(rss < 150, $"idle skepd uses {rss:0} MiB");
    }

    private static double CpuSeconds(int pid)
    {
        // The fields after the name in brackets; user and system time are the 14th and 15th of all, in hundredths of a second.
        var fields = File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100;
    }

    private async Task<string[]> All() => [.. (await Cluster.Containers("h1", "web")).Order(), .. (await Cluster.Containers("h2", "web")).Order()];

    private async Task<string[]> Tasks() => [.. (await Cluster.Docker("service ps -q --no-trunc web")).Lines.Order()];
}
