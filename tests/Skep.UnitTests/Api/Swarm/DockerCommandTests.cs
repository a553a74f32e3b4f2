using System.Diagnostics;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

/// <summary>The stock docker command against the API: the oldest and the newest that this host has.</summary>
public sealed class DockerCommandTests
{
    [Theory]
    [InlineData("/usr/bin/docker")]
    [InlineData("/usr/local/bin/docker")]
    public async Task It_steers_a_swarm(string command)
    {
        Assert.SkipUnless(File.Exists(command), $"{command} is not there");
        await using var host = await SwarmHost.StartAsync(null, Given.Network("net1id", "backend"));
        var docker = new Docker(command, host.SocketPath);

        var id = await docker.RunAsync("service create -d --no-resolve-image --name web --replicas 2 --network backend --label a=b --env X=1 --limit-memory 64m --restart-delay 3s nginx:1");
        Assert.Matches("^[0-9a-z]{25}$", id);
        Assert.Equal("web replicated 0/2 nginx:1", await docker.RunAsync("service ls --format", "{{.Name}} {{.Mode}} {{.Replicas}} {{.Image}}"));
        Assert.Equal("web.1 web.2", Lines(await docker.RunAsync("service ps web --format {{.Name}}")));
        var pretty = await docker.RunAsync("service inspect --pretty web");
        foreach (var expected in (string[])["Service Mode:\tReplicated", " Replicas:\t2", " Image:\t\tnginx:1", "Endpoint Mode:\tvip", " Memory:\t64MiB", "Networks: backend"])
            Assert.Contains(expected, pretty, StringComparison.Ordinal);

        Assert.Equal("web", await docker.RunAsync("service update -d --no-resolve-image --image nginx:2 --label-add c=d --update-parallelism 3 web"));
        Assert.Equal("nginx:2 map[a:b c:d] 3 3s", await docker.RunAsync("service inspect web --format",
            "{{.Spec.TaskTemplate.ContainerSpec.Image}} {{.Spec.Labels}} {{.Spec.UpdateConfig.Parallelism}} {{.Spec.TaskTemplate.RestartPolicy.Delay}}"));
        Assert.Equal("web scaled to 5", (await docker.RunAsync("service scale -d web=5")).Split('\n')[0]);
        await docker.RunAsync("service rollback -d web");
        Assert.Equal("2", await docker.RunAsync("service inspect web --format {{.Spec.Mode.Replicated.Replicas}}"));

        Assert.Equal("alpha Leader Ready Active,beta  Ready Active,gamma  Ready Active",
            Lines(await docker.RunAsync("node ls --format", "{{.Hostname}} {{.ManagerStatus}} {{.Status}} {{.Availability}}"), ','));
        Assert.Equal("beta", await docker.RunAsync("node update --availability drain beta"));
        Assert.Equal("alpha", await docker.RunAsync("node update --label-add rack=1 alpha"));
        Assert.Contains("Drain", await docker.RunAsync("node inspect --pretty beta"), StringComparison.Ordinal);
        Assert.Contains("Reachable", await docker.RunAsync("node inspect --pretty self"), StringComparison.Ordinal);
        Assert.NotNull(await docker.RunAsync("node ps gamma"));

        Assert.Equal("SWMTKN-1-w", await docker.RunAsync("swarm join-token -q worker"));
        Assert.Equal("backend overlay swarm", await docker.RunAsync("network ls --format", "{{.Name}} {{.Driver}} {{.Scope}}"));
        Assert.Equal("net1id 10.0.1.0/24", await docker.RunAsync("network inspect backend --format", "{{.ID}} {{(index .IPAM.Config 0).Subnet}}"));
        Assert.Contains("Is Manager: true", await docker.RunAsync("info"), StringComparison.Ordinal);

        Assert.Contains("skepd", await docker.FailAsync("node promote beta"), StringComparison.Ordinal);
        Assert.Contains("no such service: nothing", await docker.FailAsync("service inspect nothing"), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("nothing", await docker.FailAsync("service rm nothing"), StringComparison.Ordinal);
        Assert.Equal("web", await docker.RunAsync("service rm web"));
    }

    private static string Lines(string text, char separator = ' ') => string.Join(separator, text.Split('\n').Select(line => line.TrimEnd()).Order(StringComparer.Ordinal));

    private sealed class Docker(string command, string socket)
    {
        /// <param name="arguments">Split at spaces.</param>
        /// <param name="more">One more, spaces and all.</param>
        public async Task<string> RunAsync(string arguments, string? more = null)
        {
            var (code, output, error) = await StartAsync(arguments, more);
            Assert.True(code == 0, $"docker {arguments}: {error}");
            return output;
        }

        public async Task<string> FailAsync(string arguments)
        {
            var (code, output, error) = await StartAsync(arguments, null);
            Assert.True(code != 0, $"docker {arguments} did not fail: {output}");
            return error;
        }

        private async Task<(int Code, string Output, string Error)> StartAsync(string arguments, string? more)
        {
            var start = new ProcessStartInfo(command) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var argument in arguments.Split(' '))
                start.ArgumentList.Add(argument);
            if (more is not null)
                start.ArgumentList.Add(more);
            start.Environment["DOCKER_HOST"] = "unix://" + socket;
            using var process = Process.Start(start)!;
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            try
            {
                var output = process.StandardOutput.ReadToEndAsync(patience.Token);
                var error = process.StandardError.ReadToEndAsync(patience.Token);
                await process.WaitForExitAsync(patience.Token);
                return (process.ExitCode, (await output).Trim(), (await error).Trim());
            }
            catch (OperationCanceledException)
            {
                process.Kill();
                throw new TimeoutException($"docker {arguments} did not end");
            }
        }
    }
}
