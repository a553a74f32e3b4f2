using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Skep.EndToEnd.Lab;

/// <summary>
/// Managers h1 … hN in network namespaces of their own, without engines: real skepd processes that can be killed, frozen, cut off and given a
/// full disk. They are asked over HTTP on their sockets, which is quicker than the docker command and goes through cut cables.
/// </summary>
public sealed class LoneManagers : IAsyncDisposable
{
    /// <summary>Of the last host's small disk: enough for the logs of a test, and quickly filled.</summary>
    private const int SmallDiskMegabytes = 160;

    private readonly Hosts _hosts;
    private readonly Dictionary<string, HttpClient> _clients;

    private LoneManagers(Hosts hosts, int count)
    {
        _hosts = hosts;
        Names = [.. Enumerable.Range(1, count).Select(i => $"h{i}")];
        _clients = Names.ToDictionary(name => name, name => EngineHttp.Client(SkepdPeer.SocketOn(hosts, name)));
    }

    /// <summary>The managers that belong to the cluster; a host that is still spare is not among them.</summary>
    public IReadOnlyList<string> Names { get; private set; }

    /// <summary>The manager with a small disk of its own (memory), or null.</summary>
    public string? SmallDisk { get; private set; }

    /// <summary>Where the agents find the managers: host:port, with commas.</summary>
    public string Addresses => string.Join(',', Names.Select(name => $"{_hosts.Address(name)}:2377"));

    /// <summary>Why they cannot be had here, or null.</summary>
    public static string? WhyUnavailable()
    {
        if (Environment.UserName != "root") return "not root: network namespaces need it";
        if (!File.Exists(SkepdPeer.Program)) return $"{SkepdPeer.Program} is not there; run ./build first";
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        foreach (var program in new[] { "ip", "iptables", "nsenter", "unshare" })
            if (!path.Any(p => File.Exists(Path.Combine(p, program)))) return $"{program} is not installed (./test installs it)";
        return null;
    }

    /// <summary>Makes a cluster of so many managers.</summary>
    /// <param name="count">1 to 7.</param>
    /// <param name="smallDisk">Whether the last one's data is on a small disk.</param>
    /// <param name="spare">Hosts beyond, whose skepd runs and has not joined.</param>
    public static async Task<LoneManagers> UpAsync(int count, bool smallDisk = false, int spare = 0)
    {
        var managers = new LoneManagers(await Hosts.Up(count + spare), count + spare);
        try
        {
            if (smallDisk)
            {
                managers.SmallDisk = managers.Names[^1];
                var folder = Directory.CreateDirectory(managers.DiskOf(managers.SmallDisk)).FullName;
                (await managers._hosts.Exec(managers.SmallDisk, "mount", "-t", "tmpfs", "-o", $"size={SmallDiskMegabytes}m", "tmpfs", folder)).OrFail();
            }
            foreach (var name in managers.Names)
                await managers.StartAsync(name);
            managers.Names = [.. managers.Names.Take(count)];
            await managers.PostAsync("h1", "/swarm/init", managers.Listening("h1"));
            foreach (var name in managers.Names.Skip(1))
                await managers.JoinAsync(name);
            await managers.WholeAsync(TimeSpan.FromSeconds(30));
            return managers;
        }
        catch
        {
            await managers.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has a skepd join as a manager.</summary>
    public async Task JoinAsync(string name)
    {
        var body = Listening(name);
        body["RemoteAddrs"] = new JsonArray($"{_hosts.Address("h1")}:2377");
        body["JoinToken"] = await TokenAsync("Manager");
        await PostAsync(name, "/swarm/join", body);
        if (!Names.Contains(name)) Names = [.. Names, name];
    }

    /// <param name="role">Worker or Manager.</param>
    public async Task<string> TokenAsync(string role) => (await GetAsync("h1", "/swarm"))["JoinTokens"]![role]!.GetValue<string>();

    public async Task<JsonNode> GetAsync(string name, string path, CancellationToken cancellation = default) =>
        JsonNode.Parse(await GetTextAsync(name, path, cancellation))!;

    public Task<string> GetTextAsync(string name, string path, CancellationToken cancellation = default) => _clients[name].GetStringAsync("/v1.41" + path, cancellation);

    /// <summary>The answer; an <see cref="HttpRequestException"/> with the status and what was said when it is none of success.</summary>
    public async Task<JsonNode?> PostAsync(string name, string path, JsonNode body, CancellationToken cancellation = default)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await _clients[name].PostAsync("/v1.41" + path, content, cancellation);
        var text = await answer.Content.ReadAsStringAsync(cancellation);
        if (!answer.IsSuccessStatusCode)
            throw new HttpRequestException($"{path} on {name}: {(int)answer.StatusCode} {text}", null, answer.StatusCode);
        return text.Length > 0 ? JsonNode.Parse(text) : null;
    }

    public Task CreateServiceAsync(string name, string service, int replicas, CancellationToken cancellation = default) => PostAsync(name, "/services/create", new JsonObject
    {
        ["Name"] = service,
        ["TaskTemplate"] = new JsonObject { ["ContainerSpec"] = new JsonObject { ["Image"] = "box:1" } },
        ["Mode"] = Replicated(replicas),
    }, cancellation);

    public async Task RemoveServiceAsync(string name, string service) => (await _clients[name].DeleteAsync($"/v1.41/services/{service}")).EnsureSuccessStatusCode().Dispose();

    /// <summary>Changes a service's spec.</summary>
    public async Task UpdateServiceAsync(string name, string service, Action<JsonNode> change, CancellationToken cancellation = default)
    {
        var found = await GetAsync(name, $"/services/{service}", cancellation);
        change(found["Spec"]!);
        await PostAsync(name, $"/services/{service}/update?version={found["Version"]!["Index"]}", found["Spec"]!, cancellation);
    }

    public Task ScaleAsync(string name, string service, int replicas) => UpdateServiceAsync(name, service, spec => spec["Mode"] = Replicated(replicas));

    /// <summary>Starts a skepd and returns when it answers.</summary>
    public async Task StartAsync(string name)
    {
        await LaunchAsync(name);
        await AnswersAsync(name, "/_ping", TimeSpan.FromSeconds(30));
    }

    /// <summary>Starts a skepd and does not wait.</summary>
    public Task LaunchAsync(string name)
    {
        string[] command = [SkepdPeer.Program, "-H", SkepdPeer.SocketOn(_hosts, name), "--engine", "none", "--data-dir", DataDirectory(name), "--log-level", Environment.GetEnvironmentVariable("SKEP_LOG_LEVEL") ?? "info"];
        return _hosts.Start(name, "skepd", command);
    }

    /// <summary>Waits until a GET succeeds.</summary>
    public async Task AnswersAsync(string name, string path, TimeSpan limit)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(10))
        {
            try
            {
                using var answer = await _clients[name].GetAsync(path);
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // not there yet
            }
            if (clock.Elapsed > limit) throw new TimeoutException($"{path} on {name} has no answer within {limit.TotalSeconds} s; its log ends with:\n{LogEnd(name)}");
        }
    }

    /// <summary>kill -9.</summary>
    public Task KillAsync(string name) => _hosts.Kill(name, "skepd");

    /// <summary>The skepd of a host, for a kill whose moment counts. <see cref="KillAsync"/> must follow before it is started again.</summary>
    public async Task<Process> ProcessAsync(string name) => Process.GetProcessById(await _hosts.ProcessId(name, "skepd"));

    /// <summary>SIGSTOP: it stands still and its peers cannot know why.</summary>
    public Task FreezeAsync(string name) => SignalAsync(name, "STOP");

    /// <summary>SIGCONT.</summary>
    public Task ThawAsync(string name) => SignalAsync(name, "CONT");

    public async Task<bool> RunsAsync(string name) => await _hosts.Exec(name, "grep", "State:", $"/proc/{InnerPid(name)}/status") is { ExitCode: 0 } state && !state.Out.Contains("zombie", StringComparison.Ordinal);

    /// <summary>Nothing that <paramref name="from"/> sends reaches <paramref name="to"/>; the other way remains.</summary>
    public async Task CutAsync(string from, string to) => (await _hosts.Exec(to, "iptables", "-I", "INPUT", "-s", _hosts.Address(from), "-j", "DROP")).OrFail();

    /// <summary>Nothing reaches it or comes from it, engines' calls included.</summary>
    public async Task IsolateAsync(string name)
    {
        (await _hosts.Exec(name, "iptables", "-I", "INPUT", "!", "-i", "lo", "-j", "DROP")).OrFail();
        (await _hosts.Exec(name, "iptables", "-I", "OUTPUT", "!", "-o", "lo", "-j", "DROP")).OrFail();
    }

    /// <summary>Takes back all cuts.</summary>
    public async Task HealAsync()
    {
        foreach (var name in Names)
            (await _hosts.Exec(name, "iptables", "-F")).OrFail();
    }

    /// <summary>Leaves no free byte on the small disk.</summary>
    public async Task FillDiskAsync() => await _hosts.Exec(SmallDisk!, "dd", "if=/dev/zero", $"of={DiskOf(SmallDisk!)}/ballast", "bs=64k"); // ends with an error, as it should

    public async Task EmptyDiskAsync() => (await _hosts.Exec(SmallDisk!, "rm", "-f", $"{DiskOf(SmallDisk!)}/ballast")).OrFail();

    /// <summary>The leader as one of the managers sees it, or null when none is known.</summary>
    public async Task<string?> LeaderAsync(TimeSpan? limit = null)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < (limit ?? TimeSpan.FromSeconds(10)); await Task.Delay(100))
        {
            foreach (var name in Names)
            {
                try
                {
                    using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
                    var leader = (await GetAsync(name, "/nodes", patience.Token)).AsArray().FirstOrDefault(node => node!["ManagerStatus"]?["Leader"]?.GetValue<bool>() is true);
                    if (leader is not null) return NameOf(leader);
                }
                catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
                {
                    // another may know
                }
            }
        }
        return null;
    }

    /// <summary>Waits until every manager sees every other reachable, and one leader.</summary>
    public async Task WholeAsync(TimeSpan limit)
    {
        var seen = "";
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < limit; await Task.Delay(200))
        {
            try
            {
                var all = await Task.WhenAll(Names.Select(async name =>
                {
                    using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                    return (await GetAsync(name, "/nodes", patience.Token)).AsArray().Where(node => node!["ManagerStatus"] is not null)
                        .Select(node => $"{NameOf(node!)} {node!["ManagerStatus"]!["Reachability"]} {(node["ManagerStatus"]!["Leader"]?.GetValue<bool>() is true ? "leads" : "")}".Trim())
                        .Order(StringComparer.Ordinal).ToList();
                }));
                seen = string.Join("; ", all.Select(lines => string.Join(", ", lines)));
                if (all.All(lines => lines.Count == Names.Count && lines.All(line => line.Contains(" reachable", StringComparison.Ordinal)) && lines.Count(line => line.EndsWith("leads", StringComparison.Ordinal)) == 1 && lines.SequenceEqual(all[0])))
                    return;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                seen = e.Message;
            }
        }
        throw new TimeoutException($"the managers are not whole after {limit.TotalSeconds} s: {seen}");
    }

    /// <summary>What skepd wrote, from all its runs.</summary>
    public string Log(string name) => File.ReadAllText($"{_hosts.Folder}/{name}/skepd.log");

    public string DataDirectory(string name) => Path.Combine(DiskOf(name), "skep");

    /// <summary>User and system time that the skepd of a host has taken.</summary>
    public async Task<double> CpuSecondsAsync(string name)
    {
        // The fields after the name in brackets; user and system time are the 14th and 15th of all, in hundredths of a second.
        var fields = (await _hosts.Exec(name, "cat", $"/proc/{InnerPid(name)}/stat")).OrFail().Out.Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100;
    }

    public async ValueTask DisposeAsync()
    {
        Cluster.KeepLogs(_hosts);
        foreach (var client in _clients.Values)
            client.Dispose();
        await _hosts.DisposeAsync();
    }

    private static JsonObject Replicated(int replicas) => new() { ["Replicated"] = new JsonObject { ["Replicas"] = replicas } };

    private JsonObject Listening(string name) => new() { ["ListenAddr"] = "0.0.0.0:2377", ["AdvertiseAddr"] = _hosts.Address(name) };

    private async Task SignalAsync(string name, string signal) => (await _hosts.Exec(name, "kill", "-" + signal, InnerPid(name))).OrFail();

    private string InnerPid(string name) => File.ReadAllText($"{_hosts.Folder}/{name}/skepd.inner").Trim();

    private string DiskOf(string name) => $"{_hosts.Folder}/{name}/disk";

    private string LogEnd(string name) => string.Join('\n', Log(name).Split('\n').TakeLast(10));

    private static string NameOf(JsonNode node) => node["Description"]!["Hostname"]!.GetValue<string>();
}
