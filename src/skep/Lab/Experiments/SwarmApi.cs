using System.Globalization;
using System.Text.Json.Nodes;

namespace Skep.Cli.Lab.Experiments;

/// <summary>What an experiment asks of one manager, in Docker's API. Every call throws <see cref="CliException"/> when there is no answer or a refusal.</summary>
internal sealed class SwarmApi(DockerApi api)
{
    /// <summary>Any image's name: simulated engines pull nothing.</summary>
    private const string Image = "box:1";

    private const string Version = "/v1.41";

    public const string NodeList = Version + "/nodes";

    public const string ServiceList = Version + "/services?status=true";

    public Task InfoAsync(CancellationToken cancellation) => api.GetAsync(Version + "/info", cancellation);

    /// <param name="address">IP:PORT where the manager listens and is reached.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task InitAsync(string address, CancellationToken cancellation) =>
        api.PostAsync(Version + "/swarm/init", new JsonObject { ["ListenAddr"] = address, ["AdvertiseAddr"] = address }, cancellation);

    public Task JoinAsync(string address, string manager, string token, CancellationToken cancellation) => api.PostAsync(Version + "/swarm/join", new JsonObject
    {
        ["ListenAddr"] = address,
        ["AdvertiseAddr"] = address,
        ["RemoteAddrs"] = new JsonArray(manager),
        ["JoinToken"] = token,
    }, cancellation);

    /// <param name="role">Worker or Manager.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<string> TokenAsync(string role, CancellationToken cancellation) =>
        (await api.GetAsync(Version + "/swarm", cancellation))["JoinTokens"]![role]!.GetValue<string>();

    /// <summary>The managers: their addresses, the leader's first; null while there is no leader or one of them is not reachable.</summary>
    public async Task<IReadOnlyList<string>?> ManagersAsync(CancellationToken cancellation)
    {
        // A filter, since among thousands of nodes the few managers are wanted.
        var nodes = await api.GetAsync(NodeList + "?filters=" + Uri.EscapeDataString("""{"role":["manager"]}"""), cancellation);
        var managers = nodes.AsArray().Select(n => n!["ManagerStatus"]).OfType<JsonNode>().ToList();
        if (!managers.Exists(IsLeader) || managers.Exists(m => m["Reachability"]?.GetValue<string>() != "reachable"))
            return null;
        return [.. managers.OrderByDescending(IsLeader).Select(m => m["Addr"]!.GetValue<string>())];

        static bool IsLeader(JsonNode manager) => manager["Leader"]?.GetValue<bool>() == true;
    }

    /// <summary>No tasks on the managers: simulated engines, which are yet to join, are to run them all.</summary>
    public async Task DrainManagersAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                foreach (var node in (await api.GetAsync(NodeList, cancellation)).AsArray().Where(n => n!["Spec"]!["Availability"]!.GetValue<string>() != "drain"))
                {
                    node!["Spec"]!["Availability"] = "drain";
                    await api.PostAsync($"{NodeList}/{node["ID"]}/update?version={node["Version"]!["Index"]}", node["Spec"]!, cancellation);
                }
                return;
            }
            catch (CliException e) when (e.Message.Contains("out of sequence", StringComparison.Ordinal))
            {
                // A node that has just joined still changes its own object.
            }
        }
    }

    public Task CreateServiceAsync(string name, int replicas, CancellationToken cancellation) => api.PostAsync(Version + "/services/create", new JsonObject
    {
        ["Name"] = name,
        ["TaskTemplate"] = new JsonObject { ["ContainerSpec"] = new JsonObject { ["Image"] = Image } },
        ["Mode"] = Replicated(replicas),
    }, cancellation);

    /// <summary>docker service scale.</summary>
    public async Task ScaleAsync(string name, int replicas, CancellationToken cancellation)
    {
        var service = await api.GetAsync($"{Version}/services/{name}", cancellation);
        service["Spec"]!["Mode"] = Replicated(replicas);
        await api.PostAsync($"{Version}/services/{name}/update?version={service["Version"]!["Index"]}", service["Spec"]!, cancellation);
    }

    /// <summary>docker service ls: by name, how many tasks run.</summary>
    public async Task<IReadOnlyDictionary<string, long>> RunningAsync(CancellationToken cancellation)
    {
        var services = await api.GetAsync(ServiceList, cancellation);
        return services.AsArray().ToDictionary(s => s!["Spec"]!["Name"]!.GetValue<string>(), s => s!["ServiceStatus"]?["RunningTasks"]?.GetValue<long>() ?? 0);
    }

    /// <summary>docker service ps of a service of one replica: whether it runs.</summary>
    public async Task<bool> RunsAsync(string service, CancellationToken cancellation)
    {
        var filter = new JsonObject { ["service"] = new JsonArray(service), ["desired-state"] = new JsonArray("running") };
        var tasks = await api.GetAsync($"{Version}/tasks?filters={Uri.EscapeDataString(filter.ToJsonString())}", cancellation);
        return tasks.AsArray().Any(t => t!["Status"]!["State"]!.GetValue<string>() == "running");
    }

    /// <summary>The whole answer is read and thrown away: how long a manager takes, not how long we take to understand it.</summary>
    public Task ReadAsync(string path, CancellationToken cancellation) => api.DownloadAsync(path, static _ => { }, cancellation);

    private static JsonObject Replicated(int replicas) => new() { ["Replicated"] = new JsonObject { ["Replicas"] = replicas } };

    /// <summary>The number of a service's name "PREFIX-NUMBER".</summary>
    public static string Numbered(string prefix, int number) => prefix + "-" + number.ToString(CultureInfo.InvariantCulture);
}
