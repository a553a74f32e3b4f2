using System.Text.Json;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>The life of a service as the docker command shows it.</summary>
[Trait("Category", "slow")]
public sealed class ServiceTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Create_with_progress_waits_until_all_tasks_run()
    {
        var created = await Cluster.Docker("service create --no-resolve-image --stop-grace-period 1s --name web --replicas 6 box:1 sleep 1d");
        Assert.Contains("verify: Service converged", created.Out, StringComparison.Ordinal);
        Assert.Equal(6, (await Cluster.Containers("h1", "web")).Length + (await Cluster.Containers("h2", "web")).Length);
        Assert.Contains("overall progress: 6 out of 6 tasks", created.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tasks_are_spread_evenly_and_numbered_by_slot()
    {
        await Cluster.Docker($"{Create} --name web --replicas 6 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "6/6");
        var tasks = (await Cluster.Docker("service ps web --format '{{.Name}} {{.Node}} {{.DesiredState}}'")).Lines;
        Assert.Equal(["web.1", "web.2", "web.3", "web.4", "web.5", "web.6"], tasks.Select(t => t.Split(' ')[0]).Order());
        Assert.Equal(3, tasks.Count(t => t.EndsWith("h2 Running", StringComparison.Ordinal)));
        var labels = (await Cluster.Engine("h2", "ps -q --filter label=com.docker.swarm.task.id --filter label=com.docker.swarm.node.id --filter label=com.docker.swarm.service.id")).Lines;
        Assert.Equal(3, labels.Length);
    }

    [Fact]
    public async Task Ps_with_quiet_filters_and_no_trunc_shows_the_tasks()
    {
        await Cluster.Docker($"{Create} --name web --replicas 2 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        Assert.Equal(2, (await Cluster.Docker("service ps -q --no-trunc web")).Lines.Count(id => id.Length == 25));
        Assert.Single((await Cluster.Docker("service ps -q --filter node=h2 web")).Lines);
        Assert.Single((await Cluster.Docker("service ps -q --filter name=web.1 web")).Lines);
        Assert.Empty((await Cluster.Docker("service ps -q --filter desired-state=shutdown web")).Lines);
        Assert.Contains("web.", (await Cluster.Docker("node ps h2")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_tells_the_spec_back_and_pretty_prints_it()
    {
        await Cluster.Docker($"{Create} --name web --replicas 3 --env A=1 --label tier=front --container-label c=d --limit-memory 64M --reserve-cpu 0.1 --restart-max-attempts 3 --mount type=tmpfs,dst=/scratch --workdir /tmp --user root --update-delay 1s --update-parallelism 2 box:1 sleep 1d");
        var json = JsonDocument.Parse((await Cluster.Docker("service inspect web")).Out).RootElement[0];
        var spec = json.GetProperty("Spec");
        var container = spec.GetProperty("TaskTemplate").GetProperty("ContainerSpec");
        Assert.Equal("box:1", container.GetProperty("Image").GetString());
        Assert.Equal(["sleep", "1d"], container.GetProperty("Args").EnumerateArray().Select(a => a.GetString()));
        Assert.Equal("A=1", container.GetProperty("Env")[0].GetString());
        Assert.Equal("front", spec.GetProperty("Labels").GetProperty("tier").GetString());
        Assert.Equal(64 << 20, spec.GetProperty("TaskTemplate").GetProperty("Resources").GetProperty("Limits").GetProperty("MemoryBytes").GetInt64());
        Assert.Equal(100_000_000, spec.GetProperty("TaskTemplate").GetProperty("Resources").GetProperty("Reservations").GetProperty("NanoCPUs").GetInt64());
        Assert.Equal(3, spec.GetProperty("Mode").GetProperty("Replicated").GetProperty("Replicas").GetInt32());
        Assert.True(json.GetProperty("Version").GetProperty("Index").GetInt64() > 0);
        var pretty = (await Cluster.Docker("service inspect --pretty web")).Out;
        foreach (var part in new[] { "Name:\t\tweb", "Replicas:\t3", "Image:\t\tbox:1", "tier=front", "Parallelism:\t2", "Delay:\t\t1s", "Memory:\t64MiB" })
            Assert.Contains(part, pretty, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Environment_user_and_hostname_reach_the_container()
    {
        await Cluster.Docker($"{Create} --name web --env COLOR=blue --hostname '{{{{.Service.Name}}}}-{{{{.Task.Slot}}}}' --constraint node.hostname==h2 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "1/1");
        var id = (await Cluster.Containers("h2", "web")).Single();
        Assert.Equal("blue web-1", (await Cluster.Engine("h2", $"exec {id} sh -c 'echo $COLOR $(hostname)'")).Out.Trim());
    }

    [Fact]
    public async Task Update_replaces_all_tasks_in_batches_with_the_delay_between()
    {
        await Cluster.Docker($"{Create} --name web --replicas 4 --update-parallelism 2 --update-delay 3s --env V=1 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "4/4");
        var before = await AllContainers("web");
        var updated = await Cluster.Docker("service update --detach=false --no-resolve-image --env-add V=2 --update-monitor 1s web");
        Assert.Contains("verify: Service converged", updated.Out, StringComparison.Ordinal);
        Assert.True(updated.Elapsed > TimeSpan.FromSeconds(3), $"two batches of two with 3 s between took only {updated.Elapsed.TotalSeconds:0.0} s");
        var after = await AllContainers("web");
        Assert.Equal(4, after.Length);
        Assert.Empty(before.Intersect(after));
        await Cluster.WaitFor("the update to be completed", 10, async () => (await Cluster.Docker("service inspect web --format '{{.UpdateStatus.State}}'")).Out.Trim(), s => s == "completed");
        Assert.Equal(8, (await Cluster.Docker("service ps -q web")).Lines.Length);
    }

    [Fact]
    public async Task Rollback_brings_the_former_spec_back()
    {
        await Cluster.Docker($"{Create} --name web --replicas 2 --env V=1 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        await Cluster.Docker("service update -q --detach=false --no-resolve-image --update-monitor 1s --rollback-monitor 1s --env-add V=2 web");
        Assert.Contains("V=2", (await Env()).Out, StringComparison.Ordinal);
        await Cluster.Docker("service rollback -q --detach=false web");
        Assert.Contains("V=1", (await Env()).Out, StringComparison.Ordinal);
        await Cluster.WaitFor("the rollback to be completed", 10, async () => (await Cluster.Docker("service inspect web --format '{{.UpdateStatus.State}}'")).Out.Trim(), s => s == "rollback_completed");
        await Cluster.WaitForReplicas("web", "2/2");

        Task<CommandResult> Env() => Cluster.Docker("service inspect web --format '{{.Spec.TaskTemplate.ContainerSpec.Env}}'");
    }

    [Fact]
    public async Task An_update_to_what_cannot_start_pauses()
    {
        await Cluster.Docker($"{Create} --name web --replicas 2 --update-monitor 3s --restart-delay 1s box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        await Cluster.Docker("service update -d --no-resolve-image --args /no/such/program web");
        await Cluster.WaitFor("the update to pause", 30, async () => (await Cluster.Docker("service inspect web --format '{{.UpdateStatus.State}}'")).Out.Trim(), s => s == "paused");
        var message = (await Cluster.Docker("service inspect web --format '{{.UpdateStatus.Message}}'")).Out.Trim();
        Assert.StartsWith("update paused due to failure or early termination of task ", message, StringComparison.Ordinal);
        Assert.Contains((await Cluster.Docker("service ps --no-trunc web --format '{{.Error}}'")).Lines, e => e.Contains("no such file", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_global_service_runs_once_on_each_node()
    {
        await Cluster.Docker($"{Create} --name agent --mode global box:1 sleep 1d");
        await Cluster.WaitForReplicas("agent", "2/2");
        Assert.Single(await Cluster.Containers("h1", "agent"));
        Assert.Single(await Cluster.Containers("h2", "agent"));
    }

    [Fact]
    public async Task Scale_sets_several_services_and_refuses_a_global_one()
    {
        await Cluster.Docker($"{Create} --name a box:1 sleep 1d");
        await Cluster.Docker($"{Create} --name b box:1 sleep 1d");
        await Cluster.Docker($"{Create} --name g --mode global box:1 sleep 1d");
        await Cluster.Docker("service scale -d a=3 b=2");
        await Cluster.WaitForReplicas("a", "3/3");
        await Cluster.WaitForReplicas("b", "2/2");
        await Cluster.Docker("service scale -d a=1");
        await Cluster.WaitForReplicas("a", "1/1");
        var refused = await Cluster.TryDocker("service scale -d g=3");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("scale can only be used with replicated", refused.Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Removing_a_service_removes_its_containers()
    {
        await Cluster.Docker($"{Create} --name web --replicas 4 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "4/4");
        Assert.Equal("web", (await Cluster.Docker("service rm web")).Out.Trim());
        Assert.Empty((await Cluster.Docker("service ls -q")).Lines);
        foreach (var host in new[] { "h1", "h2" })
            await Cluster.WaitFor($"no container on {host}", 20, async () => (await Cluster.Engine(host, "ps -aq --filter label=com.docker.swarm.service.name=web")).Lines, ids => ids.Length == 0);
    }

    [Fact]
    public async Task Errors_have_the_words_that_scripts_match_on()
    {
        await Cluster.Docker($"{Create} --name web --replicas 0 box:1 sleep 1d");
        await Fails("service ps nosuch", "no such service: nosuch");
        await Fails("service inspect nosuch", "no such service: nosuch");
        await Fails("service rm nosuch", "no such service: nosuch");
        await Fails("node inspect nosuch", "No such node: nosuch");
        await Fails($"{Create} --name web box:1", "name conflicts with an existing object");
        await Fails($"{Create} --name 'bad name' box:1", "name must be valid as a DNS name component");
        await Fails($"{Create} --name x --network nosuch box:1", "No such network: nosuch", "network nosuch not found"); // docker 20.10 and 28
        await Fails($"{Create} --name x --constraint nonsense box:1", "constraint expected one operator from");

        async Task Fails(string line, params string[] eitherWords)
        {
            var result = await Cluster.TryDocker(line);
            Assert.NotEqual(0, result.ExitCode);
            Assert.True(eitherWords.Any(words => result.Err.Contains(words, StringComparison.OrdinalIgnoreCase)), $"{line}\nsaid: {result.Err}expected: {string.Join(" or ", eitherWords)}");
        }
    }

    private async Task<string[]> AllContainers(string service) => [.. await Cluster.Containers("h1", service), .. await Cluster.Containers("h2", service)];
}
