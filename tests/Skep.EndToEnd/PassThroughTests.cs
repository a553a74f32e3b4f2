using System.Diagnostics;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>What is not of the swarm goes through the manager's socket to the local engine unchanged, streams included.</summary>
[Trait("Category", "slow")]
public sealed class PassThroughTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Run_passes_input_output_errors_and_the_exit_code()
    {
        var result = await Cluster.TryDocker("run -i --rm box:1 sh -c 'cat; echo oops >&2; exit 7'", input: "one\ntwo\n");
        Assert.Equal(7, result.ExitCode);
        Assert.Equal("one\ntwo\n", result.Out);
        Assert.Equal("oops\n", result.Err);
    }

    [Fact]
    public async Task A_megabyte_passes_both_ways_whole()
    {
        var text = string.Concat(Enumerable.Range(0, 40_000).Select(i => $"line {i} of many\n"));
        Assert.Equal(text, (await Cluster.Docker("run -i --rm box:1 cat", input: text)).Out);
    }

    [Fact]
    public async Task A_terminal_is_given_to_a_container()
    {
        // `script` gives the docker command a terminal to pass on.
        var line = $"{Cluster.DockerCli} -H {Cluster.Peer.Socket(Cluster.Hosts)} run -it --rm box:1 sh -c 'tty; stty size >/dev/null && echo sized'";
        var result = await Command.Run("script", ["-qec", line, "/dev/null"], TimeSpan.FromSeconds(30));
        Assert.Contains("/dev/pts/0", result.Out, StringComparison.Ordinal);
        Assert.Contains("sized", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exec_logs_cp_and_inspect_work_on_a_container()
    {
        var id = (await Cluster.Docker("run -d --stop-timeout 1 box:1 sh -c 'echo started; exec sleep 1d'")).Out.Trim();
        var file = Path.GetTempFileName();
        try
        {
            Assert.Equal("in\n", (await Cluster.Docker($"exec -i {id} cat", input: "in\n")).Out);
            Assert.Equal(3, (await Cluster.TryDocker($"exec {id} sh -c 'exit 3'")).ExitCode);
            Assert.Equal("started\n", (await Cluster.Docker($"logs {id}")).Out);
            await File.WriteAllTextAsync(file, "copied");
            await Cluster.Docker($"cp {file} {id}:/tmp/f");
            Assert.Equal("copied", (await Cluster.Docker($"exec {id} cat /tmp/f")).Out);
            Assert.Equal("true", (await Cluster.Docker($"inspect {id} --format '{{{{.State.Running}}}}'")).Out.Trim());
            Assert.Contains(id[..12], (await Cluster.Docker("ps -q")).Lines);
        }
        finally
        {
            File.Delete(file);
            await Cluster.TryDocker($"rm -f {id}");
        }
    }

    [Fact]
    public async Task Logs_follow_a_container_live()
    {
        var id = (await Cluster.Docker("run -d --stop-timeout 1 box:1 sh -c 'for i in 1 2 3; do echo $i; sleep 0.5; done'")).Out.Trim();
        try
        {
            var followed = await Cluster.Docker($"logs -f {id}");
            Assert.Equal("1\n2\n3\n", followed.Out);
            Assert.True(followed.Elapsed > TimeSpan.FromSeconds(0.4), "the log was not followed");
        }
        finally
        {
            await Cluster.TryDocker($"rm -f {id}");
        }
    }

    [Fact]
    public async Task Images_and_volumes_are_the_local_engines()
    {
        Assert.Contains("box:1", (await Cluster.Docker("image ls --format '{{.Repository}}:{{.Tag}}'")).Lines);
        await Cluster.Docker("volume create data");
        Assert.Contains("data", (await Cluster.Engine("h1", "volume ls -q")).Lines);
        await Cluster.Docker("volume rm data");
        var build = await Cluster.Docker("build -q -", input: "FROM box:1\nRUN echo built >/built\n");
        Assert.Equal("built", (await Cluster.Docker($"run --rm {build.Out.Trim()} cat /built")).Out.Trim());
        await Cluster.TryDocker($"image rm -f {build.Out.Trim()}");
    }

    [Fact]
    public async Task Events_hold_those_of_the_swarm_and_of_the_engine()
    {
        var since = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await Cluster.Docker($"{Create} --name web --constraint node.hostname==h1 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "1/1");
        await Cluster.Docker("service update -d -q --no-resolve-image --label-add a=b web");
        await Cluster.Docker("node update --label-add a=b h2");
        await Cluster.Docker("node update --label-rm a h2");
        await Cluster.Docker("service rm web");
        await Task.Delay(1000);
        var events = (await Cluster.Docker($"events --since {since} --until {DateTimeOffset.UtcNow.ToUnixTimeSeconds()} --format '{{{{.Scope}}}} {{{{.Type}}}} {{{{.Action}}}} {{{{.Actor.Attributes.name}}}}'")).Lines;
        foreach (var wanted in new[] { "swarm service create web", "swarm service update web", "swarm service remove web", "swarm node update h2" })
            Assert.Contains(wanted, events);
        Assert.Contains(events, e => e.StartsWith("local container start web.1", StringComparison.Ordinal));
        Assert.DoesNotContain("swarm service create web", (await Cluster.Docker($"events --since {since} --until {DateTimeOffset.UtcNow.ToUnixTimeSeconds()} --filter type=container")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Service_logs_are_those_of_all_tasks()
    {
        await Cluster.Docker($"{Create} --name talk --replicas 2 --replicas-max-per-node 1 box:1 sh -c 'echo hello from $(hostname); exec sleep 1d'");
        await Cluster.WaitForReplicas("talk", "2/2");
        await Cluster.WaitFor("both tasks' lines", 20, async () => (await Cluster.Docker("service logs --raw talk")).Lines, lines => lines.Count(l => l.StartsWith("hello from", StringComparison.Ordinal)) == 2);
    }

    public static TheoryData<string> Clis => ["/usr/bin/docker", "/usr/local/bin/docker"];

    [Theory]
    [MemberData(nameof(Clis))]
    public async Task Each_docker_command_installed_here_works(string cli)
    {
        Assert.SkipUnless(File.Exists(cli), $"there is no {cli} here");
        Console.WriteLine($"    {cli}: {(await Command.Run(cli, ["--version"], TimeSpan.FromSeconds(10))).Out.Trim()}");
        await Ok("version");
        await Ok("info");
        await Ok("node ls");
        await Ok("network create -d overlay back");
        var clock = Stopwatch.StartNew();
        var created = await Ok("service create --no-resolve-image --stop-grace-period 1s --network back --name web --replicas 2 box:1 sleep 1d");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30));
        Assert.Contains("verify: Service", created.Out, StringComparison.Ordinal);
        await Ok("service ls");
        await Ok("service ps web");
        await Ok("service inspect --pretty web");
        await Ok("service scale -d web=3");
        await Ok("service update -d --no-resolve-image --env-add A=1 web");
        await Ok("node ps self");
        await Ok("network inspect back");
        await Ok("run --rm box:1 true");
        await Ok("swarm join-token worker");
        await Ok("service rm web");

        async Task<CommandResult> Ok(string line) => (await Cluster.TryDocker(line, cli: cli)).OrFail();
    }
}
