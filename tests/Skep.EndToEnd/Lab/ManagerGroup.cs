using System.Diagnostics;
using Xunit;

namespace Skep.EndToEnd.Lab;

/// <summary>
/// Three hosts, each with a stock engine and a skepd beside it, all three managers; and h4 with an engine alone. A lab of its own, for tests
/// that kill managers. Made once for a class of tests, each of which leaves three reachable managers behind.
/// </summary>
public sealed class ManagerGroup : IAsyncLifetime
{
    public static readonly string[] Names = ["h1", "h2", "h3"];

    private static readonly TimeSpan CommandLimit = TimeSpan.FromSeconds(60);

    private Hosts? _hosts;

    /// <summary>Why it did not come up though it should have, or null.</summary>
    public string? Failure { get; private set; }

    public Hosts Hosts => _hosts ?? throw new InvalidOperationException("there is no lab");

    public async ValueTask InitializeAsync()
    {
        if (Cluster.WhyUnavailable() is not null) return;
        try
        {
            _hosts = await Hosts.Up(4);
            foreach (var host in Names.Append("h4"))
                await Hosts.StartEngine(host);
            await Task.WhenAll(Names.Select(StartAsync));
            await Docker("h1", $"swarm init --advertise-addr {Hosts.Address("h1")}");
            await JoinAsync("h2", "manager");
            await JoinAsync("h3", "manager");
        }
        catch (Exception e)
        {
            Failure = $"three managers did not come up: {e.Message}";
            await DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_hosts is null) return;
        Cluster.KeepLogs(_hosts);
        await _hosts.DisposeAsync();
        _hosts = null;
    }

    /// <summary>Runs the docker command on a host's skepd; fails the test on an exit code other than 0.</summary>
    public async Task<CommandResult> Docker(string host, string line) => (await TryDocker(host, line)).OrFail();

    public Task<CommandResult> TryDocker(string host, string line) => Command.Run(Cluster.DockerCli, ["-H", SkepdPeer.SocketOn(Hosts, host), .. Command.Words(line)], CommandLimit);

    /// <summary>Runs the docker command on a host's own engine.</summary>
    public Task<CommandResult> TryEngine(string host, string line) => Command.Run(Cluster.DockerCli, ["-H", Hosts.EngineSocket(host), .. Command.Words(line)], CommandLimit);

    public Task StartAsync(string host) => SkepdPeer.StartBeside(Hosts, host);

    public Task KillAsync(string host) => Hosts.Kill(host, "skepd");

    public Task StopAsync(string host) => Hosts.Stop(host, "skepd");

    public async Task<CommandResult> JoinAsync(string host, string role)
    {
        var by = Names.First(name => name != host);
        var token = (await Docker(by, $"swarm join-token -q {role}")).Out.Trim();
        return await Docker(host, $"swarm join --advertise-addr {Hosts.Address(host)} --token {token} {Hosts.Address(by)}:2377");
    }

    /// <summary>What docker node ls says of the managers, asked anywhere: host -> Leader, Reachable, Unreachable or nothing.</summary>
    public async Task<Dictionary<string, string>> StatusesAsync(string by) =>
        (await Docker(by, "node ls --format '{{.Hostname}}={{.ManagerStatus}}'")).Lines.Select(line => line.Split('=')).ToDictionary(parts => parts[0], parts => parts[1]);

    /// <summary>The same of the nodes that are ready.</summary>
    public async Task<Dictionary<string, string>> StatusesOfReadyAsync(string by) =>
        (await TryDocker(by, "node ls --format '{{.Hostname}}={{.Status}}={{.ManagerStatus}}'")).Lines.Select(line => line.Split('=')).Where(parts => parts[1] == "Ready").ToDictionary(parts => parts[0], parts => parts[2]);

    public async Task<string> LeaderAsync(string by) => (await StatusesAsync(by)).Single(node => node.Value == "Leader").Key;

    /// <summary>Puts right what a test that failed left behind, so that the next one is judged by itself.</summary>
    public async Task RepairAsync()
    {
        foreach (var host in Names)
        {
            if ((await TryDocker(host, "info --format '{{.ID}}'")).ExitCode != 0)
                await StartAsync(host);
        }
        foreach (var by in Names)
        {
            foreach (var host in Names)
                await TryDocker(by, $"node promote {host}");
        }
    }

    /// <summary>Waits until all three vote and are heard.</summary>
    public async Task WholeAsync()
    {
        foreach (var host in Names)
        {
            await Cluster.WaitFor($"three managers as {host} sees them", 40, async () => await TryStatusesAsync(host),
                seen => Names.All(name => seen.GetValueOrDefault(name) is "Leader" or "Reachable"));
        }
    }

    /// <summary>The full ids of the running containers of a service, on all engines.</summary>
    public async Task<string[]> ContainersAsync(string service)
    {
        var ids = new List<string>();
        foreach (var host in Names.Append("h4"))
            ids.AddRange((await TryEngine(host, $"ps -q --no-trunc --filter label=com.docker.swarm.service.name={service}")).OrFail().Lines);
        ids.Sort(StringComparer.Ordinal);
        return [.. ids];
    }

    public Task WaitForReplicasAsync(string by, string service, string replicas, double seconds = 60) =>
        Cluster.WaitFor($"{service} to have {replicas} as {by} sees it", seconds,
            async () => (await TryDocker(by, $"service ls --filter name={service} --format '{{{{.Name}}}} {{{{.Replicas}}}}'")).Lines, lines => lines.Contains($"{service} {replicas}"));

    /// <summary>Seconds until a command succeeds.</summary>
    public async Task<double> UntilDone(string host, string line)
    {
        var clock = Stopwatch.StartNew();
        await Cluster.WaitFor($"docker {line} on {host}", 30, () => TryDocker(host, line), result => result.ExitCode == 0);
        return clock.Elapsed.TotalSeconds;
    }

    private async Task<Dictionary<string, string>> TryStatusesAsync(string by) =>
        (await TryDocker(by, "node ls --format '{{.Hostname}}={{.ManagerStatus}}'")).Lines.Select(line => line.Split('=')).Where(parts => parts.Length == 2)
            .GroupBy(parts => parts[0]).ToDictionary(group => group.Key, group => string.Concat(group.Select(parts => parts[1])));
}
