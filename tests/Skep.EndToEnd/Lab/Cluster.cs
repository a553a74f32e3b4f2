using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Skep.EndToEnd.Lab;

/// <summary>
/// The cluster that all tests of a run share: two hosts with stock engines, the manager under test on h1, h2 joined as a worker.
/// The hosts h3 and h4 lie ready, without engines, for tests that need a guest. Made once; removed at the end.
/// </summary>
public sealed class Cluster : IAsyncLifetime
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromSeconds(60);

    private Hosts? hosts;

    /// <summary>Why no cluster can be had on this machine (tests skip), or null.</summary>
    public string? Unavailable { get; } = WhyUnavailable();

    /// <summary>Why the cluster did not come up though it should have (tests fail), or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>Who manages.</summary>
    public Peer Peer { get; } = Peer.FromEnvironment();

    /// <summary>The hosts below.</summary>
    public Hosts Hosts => hosts ?? throw new InvalidOperationException("there is no lab");

    /// <summary>The docker command of the tests: DOCKER_CLI, or the distribution's, or the first in PATH.</summary>
    public static string DockerCli { get; } = Environment.GetEnvironmentVariable("DOCKER_CLI") ?? (File.Exists("/usr/bin/docker") ? "/usr/bin/docker" : "docker");

    public async ValueTask InitializeAsync()
    {
        if (Unavailable is not null) return;
        try
        {
            hosts = await Hosts.Up(4);
            await Task.WhenAll(Hosts.StartEngine("h1"), Hosts.StartEngine("h2"));
            await Peer.Start(Hosts);
            await Docker($"swarm init --advertise-addr {Hosts.Address("h1")}");
            await Join("h2");
        }
        catch (Exception e)
        {
            Failure = $"the cluster did not come up with peer {Peer.Name}: {e.Message}";
            await DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (hosts is null) return;
        KeepLogs(hosts);
        await hosts.DisposeAsync();
        hosts = null;
    }

    /// <summary>Runs the docker command on the manager; fails the test on an exit code other than 0.</summary>
    public async Task<CommandResult> Docker(string line, string? input = null, TimeSpan? limit = null) => (await TryDocker(line, input, limit)).OrFail();

    /// <summary>Runs the docker command on the manager and returns what it did.</summary>
    public Task<CommandResult> TryDocker(string line, string? input = null, TimeSpan? limit = null, string? cli = null) =>
        DockerOn(Peer.Socket(Hosts), line, input, limit, cli);

    /// <summary>Runs the docker command on a host's own engine; fails the test on an exit code other than 0.</summary>
    public async Task<CommandResult> Engine(string host, string line) => (await TryEngine(host, line)).OrFail();

    /// <summary>Runs the docker command on a host's own engine and returns what it did.</summary>
    public Task<CommandResult> TryEngine(string host, string line) => DockerOn(Hosts.EngineSocket(host), line);

    /// <summary>The full ids of the containers of a service that run on an engine.</summary>
    public async Task<string[]> Containers(string host, string service) =>
        (await Engine(host, $"ps -q --no-trunc --filter label=com.docker.swarm.service.name={service}")).Lines;

    /// <summary>The join token of a role ("worker" or "manager").</summary>
    public async Task<string> Token(string role) => (await Docker($"swarm join-token -q {role}")).Out.Trim();

    /// <summary>Joins a host's engine as a worker and waits until it is Ready.</summary>
    public async Task Join(string host)
    {
        await Engine(host, $"swarm join --token {await Token("worker")} {Hosts.Address("h1")}:2377");
        await WaitForNode(host, "Ready");
    }

    /// <summary>Waits until the newest node of that host name has a status.</summary>
    public Task WaitForNode(string host, string status, double seconds = 30) =>
        WaitFor($"node {host} to be {status}", seconds, async () => (await Docker("node ls --format '{{.Hostname}} {{.Status}}'")).Lines, lines => lines.Contains($"{host} {status}"));

    /// <summary>Waits until `service ls` shows these replicas, e.g. "6/6".</summary>
    public Task WaitForReplicas(string service, string replicas, double seconds = 60) =>
        WaitFor($"{service} to have {replicas}", seconds, async () => (await Docker($"service ls --filter name={service} --format '{{{{.Name}}}} {{{{.Replicas}}}}'")).Lines,
            lines => lines.Any(l => l == $"{service} {replicas}" || l.StartsWith($"{service} {replicas} ", StringComparison.Ordinal)));

    /// <summary>Waits until the last look satisfies the condition; after the limit the test fails and tells what was seen last.</summary>
    public static async Task<T> WaitFor<T>(string what, double seconds, Func<Task<T>> look, Func<T, bool> until)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var seen = await look();
            if (until(seen)) return seen;
            if (clock.Elapsed.TotalSeconds > seconds) Assert.Fail($"waited {seconds} s in vain for {what}; seen last: {Show(seen)}");
            await Task.Delay(100);
        }
    }

    /// <summary>Removes all services, their containers, and the networks that tests made.</summary>
    public async Task Clear()
    {
        var services = (await Docker("service ls -q")).Lines;
        if (services.Length > 0) await Docker("service rm " + string.Join(' ', services));
        foreach (var host in new[] { "h1", "h2" })
            await WaitFor($"no service's container on {host}", 40, async () => (await Engine(host, "ps -aq --filter label=com.docker.swarm.service.name")).Lines, ids => ids.Length == 0);
        foreach (var network in (await Docker("network ls --filter scope=swarm --filter driver=overlay --format '{{.Name}}'")).Lines.Where(n => n != "ingress"))
            await WaitFor($"network {network} to go", 20, () => TryDocker($"network rm {network}"), r => r.ExitCode == 0 || r.Err.Contains("not found", StringComparison.Ordinal) || r.Err.Contains("No such network", StringComparison.Ordinal));
    }

    /// <summary>Writes a figure to artifacts/tests/measurements.jsonl and to the test's output.</summary>
    public void Measure(string what, double value, string unit)
    {
        var line = JsonSerializer.Serialize(new { at = DateTime.UtcNow, peer = Peer.Name, what, value = Math.Round(value, 3), unit });
        var folder = Directory.CreateDirectory(Path.Combine(Hosts.Repository, "artifacts/tests"));
        File.AppendAllText(Path.Combine(folder.FullName, "measurements.jsonl"), line + "\n");
        Console.WriteLine($"    measured with {Peer.Name}: {what}: {value.ToString("0.###", CultureInfo.InvariantCulture)} {unit}");
    }

    private static Task<CommandResult> DockerOn(string socket, string line, string? input = null, TimeSpan? limit = null, string? cli = null) =>
        Command.Run(cli ?? DockerCli, ["-H", socket, .. Command.Words(line)], limit ?? CommandLimit, input);

    private static string Show<T>(T seen) => seen is IEnumerable<string> lines ? string.Join(" | ", lines) : $"{seen}";

    public static string? WhyUnavailable()
    {
        if (Environment.GetEnvironmentVariable("SKEP_NO_ENGINES") is { Length: > 0 } told) return told;
        if (Environment.UserName != "root") return "not root: network namespaces and engines need it";
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        foreach (var program in new[] { "dockerd", "containerd", "runc", "docker", "ip", "iptables", "busybox", "nsenter", "unshare", "curl" })
            if (!path.Any(p => File.Exists(Path.Combine(p, program)))) return $"{program} is not installed (./test installs it)";
        return null;
    }

    /// <summary>Keeps the daemons' logs for whoever looks into a failure.</summary>
    public static void KeepLogs(Hosts hosts)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Hosts.Repository, "artifacts/tests/logs"));
        foreach (var log in Directory.EnumerateFiles(hosts.Folder, "*d.log", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) is "dockerd.log" or "skepd.log"))
            File.Copy(log, Path.Combine(folder.FullName, $"{Path.GetFileName(Path.GetDirectoryName(log))}-{Path.GetFileName(log)}"), overwrite: true);
    }
}
