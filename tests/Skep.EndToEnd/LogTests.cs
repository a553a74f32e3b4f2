using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>What services say, as docker service logs shows it.</summary>
[Trait("Category", "slow")]
public sealed class LogTests(Cluster cluster) : ClusterTest(cluster)
{
    /// <summary>Says two lines and one on stderr, and stays.</summary>
    private const string Talk = "sh -c 'echo first of $HOSTNAME; echo second of $HOSTNAME; echo oops of $HOSTNAME >&2; sleep 1d'";

    [Fact]
    public async Task Lines_of_all_tasks_come_with_their_task_and_node()
    {
        await StartTalking("web", 4);
        var logs = await Lines("service logs web", 12);
        Assert.Equal(8, logs.Lines.Length);
        foreach (var slot in Enumerable.Range(1, 4))
            Assert.Contains(logs.Lines, l => l.StartsWith($"web.{slot}.", StringComparison.Ordinal) && l.Contains("| first of ", StringComparison.Ordinal));
        Assert.Equal(4, logs.Lines.Count(l => l.Contains("@h2", StringComparison.Ordinal)));
        Assert.Equal(4, logs.Err.Split('\n').Count(l => l.Contains("| oops of ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Tail_since_and_timestamps_choose_and_date_the_lines()
    {
        await StartTalking("web", 2);
        await Lines("service logs web", 6);
        // The two outputs of a container race, so either may be last; but it is one line of each task.
        var last = (await Cluster.Docker("service logs --tail 1 --raw web")).AllLines();
        Assert.All(last, l => Assert.Matches("^(second|oops) of ", l));
        Assert.Equal(2, last.Select(l => l.Split(' ')[2]).Distinct().Count());
        Assert.Equal(2, last.Length);
        Assert.Empty((await Cluster.Docker("service logs --tail 0 web")).AllLines());
        Assert.Empty((await Cluster.Docker($"service logs --since {DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds()} web")).AllLines());
        Assert.Equal(6, (await Cluster.Docker("service logs --since 5m web")).AllLines().Length);
        Assert.All((await Cluster.Docker("service logs --timestamps --raw web")).AllLines(), l => Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (first|second|oops) of ", l));
    }

    [Fact]
    public async Task Details_show_what_the_log_driver_adds()
    {
        await Cluster.Docker($"{Create} --name web --env COLOR=blue --log-driver json-file --log-opt env=COLOR box:1 {Talk}");
        await Cluster.WaitForReplicas("web", "1/1");
        await Lines("service logs web", 3);
        Assert.All((await Cluster.Docker("service logs --details web")).AllLines(), l => Assert.Contains("COLOR=blue", l, StringComparison.Ordinal));
        Assert.All((await Cluster.Docker("service logs web")).AllLines(), l => Assert.DoesNotContain("COLOR=blue", l, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_task_has_logs_of_its_own()
    {
        await StartTalking("web", 3);
        var tasks = (await Cluster.Docker("service ps -q --no-trunc web")).Lines;
        foreach (var task in tasks)
        {
            var logs = await Lines($"service logs --no-trunc {task}", 3);
            Assert.All(logs.AllLines(), l => Assert.Contains(task, l, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Logs_of_tasks_that_have_ended_are_still_there()
    {
        await Cluster.Docker($"{Create} --name once --restart-condition none box:1 echo done");
        var logs = await Lines("service logs --raw once", 1);
        Assert.Equal(["done"], logs.Lines);
    }

    [Fact]
    public async Task Following_shows_new_lines_and_those_of_tasks_that_come_later()
    {
        await Cluster.Docker($"{Create} --name web --replicas 1 box:1 sh -c 'while echo tick of $HOSTNAME; do sleep 1; done'");
        await Cluster.WaitForReplicas("web", "1/1");
        var scaled = false;
        var speakers = new HashSet<string>();
        var repeated = 0;
        await Command.Follow(Cluster.DockerCli, ["-H", Cluster.Peer.Socket(Cluster.Hosts), "service", "logs", "--follow", "web"], TimeSpan.FromSeconds(60), async line =>
        {
            if (!speakers.Add(line.Split('|')[0].Trim()))
                repeated++;
            if (repeated > 0 && !scaled)
            {
                scaled = true;
                await Cluster.Docker("service scale -d web=4");
            }
            return speakers.Count == 4;
        });
        Assert.Equal(["web.1", "web.2", "web.3", "web.4"], speakers.Select(s => s[..5]).Order());
        Assert.Contains(speakers, s => s.EndsWith("@h1", StringComparison.Ordinal));
        Assert.Contains(speakers, s => s.EndsWith("@h2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Readers_that_do_not_read_hold_up_nobody_else_and_lose_nothing()
    {
        OnlySkepd("stock keeps what is not read in its memory");
        const int lines = 8000, lineBytes = 1001, frameBytes = 8;
        await Cluster.Docker($"{Create} --name chatty --replicas 2 box:1 sh -c 'yes $(printf %01000d 0) | head -n {lines}; sleep 1d'");
        await Cluster.WaitForReplicas("chatty", "2/2");
        await Lines("service logs --raw chatty", 2 * lines);
        using var client = EngineHttp.Client(Cluster.Peer.Socket(Cluster.Hosts));
        var stalled = new List<HttpResponseMessage>();
        for (var i = 0; i < 40; i++)
            stalled.Add(await client.GetAsync($"/services/chatty/logs?stdout=1&follow={i % 2}", HttpCompletionOption.ResponseHeadersRead));
        // Three missed heartbeats, 15 s, make a node Down; and a node that misses one starts anew, which cuts its streams of logs.
        await Task.Delay(TimeSpan.FromSeconds(20));
        Assert.DoesNotContain("Down", (await Cluster.Docker("node ls")).Out, StringComparison.Ordinal);
        Assert.Equal(2, (await Cluster.Docker("service logs --raw --tail 1 chatty")).Lines.Length);
        Assert.Equal(2 * lines * (frameBytes + lineBytes), (await stalled[0].Content.ReadAsByteArrayAsync()).Length);
        stalled.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task What_an_absent_node_cannot_send_is_said()
    {
        await StartTalking("web", 2);
        await Lines("service logs web", 6);
        var node = (await Cluster.Docker("node inspect h2 --format '{{.ID}}'")).Out.Trim();
        await Cluster.Hosts.KillEngine("h2");
        try
        {
            var logs = await Cluster.WaitFor("the node's absence to be seen", 20, () => Cluster.TryDocker("service logs --raw web"), l => l.ExitCode != 0);
            Assert.Contains($"incomplete log stream. some logs could not be retrieved for the following reasons: node {node} is not available", logs.Err, StringComparison.Ordinal);
            Assert.Equal(2, logs.Lines.Length);
        }
        finally
        {
            await Cluster.Hosts.RestartEngine("h2");
            await Cluster.WaitForNode("h2", "Ready");
        }
    }

    private async Task StartTalking(string service, int replicas)
    {
        await Cluster.Docker($"{Create} --name {service} --replicas {replicas} box:1 {Talk}");
        await Cluster.WaitForReplicas(service, $"{replicas}/{replicas}");
    }

    /// <summary>Runs a logs command until it shows that many lines: what was just said may take a moment to be there.</summary>
    private Task<CommandResult> Lines(string command, int count) =>
        Cluster.WaitFor($"{count} lines", 30, () => Cluster.TryDocker(command), logs => logs.ExitCode == 0 && logs.AllLines().Length == count);
}
