using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Api.Engine;
using Skep.Api.Hosting;
using Skep.Api.Routing;
using Skep.Api.Swarm;
using Skep.Api.Swarm.Logs;
using Skep.Manager;
using Skep.Manager.Orchestration;
using Skep.State;
using Skep.UnitTests.Manager;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

/// <summary>
/// The API on a socket of its own, over the real manager (all rules, a log that commits at once), without an engine. Nodes and
/// whatever else a test starts from are put into the state before the manager leads.
/// </summary>
internal sealed class SwarmHost : ISwarmLifecycle, IProposer, IProposalSequence, IBackups, IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("skep-api-").FullName;
    private readonly ManagerService _manager;
    private readonly ApiHost _host;
    private readonly SwarmApi _api;
    private readonly HttpClient _client;

    private SwarmHost(IServiceLogs? logs, params IEnumerable<Mutation> seed)
    {
        var batch = new Batch { Format = ClusterState.Format, Time = SwarmTime.ToLog(DateTimeOffset.UtcNow) };
        batch.Mutations.AddRange(seed);
        if (batch.Mutations.Count > 0)
            Store.Apply(batch);
        _manager = new ManagerService(new ManagerSelf("", ""), Store, this, () => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()],
            () => new byte[32], TimeProvider.System, NullLogger<ManagerService>.Instance);
        _manager.StartLeading();
        Manager = _manager;
        var routes = new ApiRoutes();
        _api = new SwarmApi(this, routes, logs, backups: this);
        _host = new ApiHost(new ApiHostOptions
        {
            Listen = [new ListenAddress.Unix(SocketPath)],
            Engine = EngineAddress.Parse("none"),
            Routes = routes,
            Swarm = _api.Info,
        }, NullLoggerFactory.Instance);
        _client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            BaseAddress = new Uri("http://docker/v1.41/"),
        };
    }

    public event Action? Changed;

    public string SocketPath => Path.Combine(_directory, "api.sock");

    public StateStore Store { get; } = new();

    public IManager? Manager { get; private set; }

    public SwarmStatus Status { get; set; } = new(LocalNodeState.Active, Given.Node1, "10.0.0.1", "manager1", "manager1");

    /// <summary>What a backup writes.</summary>
    public Action<Stream> Backup { get; set; } = _ => { };

    /// <summary>What the lifecycle was asked for last.</summary>
    public object? Asked { get; private set; }

    public static async Task<SwarmHost> StartAsync(IServiceLogs? logs = null, params Mutation[] more)
    {
        var host = new SwarmHost(logs, [.. Given.Cluster(), .. more]);
        await host._host.StartAsync();
        // To a new leader nodes are unknown until they come.
        foreach (var node in (string[])[Given.Node1, Given.Node2, Given.Node3])
            await host._manager.SubmitAsync(new NodeArrived(node, null, "10.0.0.2"));
        return host;
    }

    public static async Task<SwarmHost> StartOutsideAsync()
    {
        var host = new SwarmHost(null);
        host.Status = SwarmStatus.Inactive;
        host.Manager = null;
        host.Changed?.Invoke();
        await host._host.StartAsync();
        return host;
    }

    /// <summary>Swarm init was done: the manager is there from now on.</summary>
    public void Enter(SwarmStatus status)
    {
        Status = status;
        Manager = _manager;
        Changed?.Invoke();
    }

    public void Write(IManager manager, Stream output) => Backup(output);

    public Task ReadBarrierAsync(CancellationToken cancellation) => Task.CompletedTask;

    public IProposalSequence BeginSequence() => this;

    public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
    {
        Store.Apply(Batch.Parser.ParseFrom(entry.Span));
        return Task.CompletedTask;
    }

    public Task<string> InitAsync(SwarmInit init, CancellationToken cancellation)
    {
        Asked = init;
        return Task.FromResult("newnode");
    }

    public Task JoinAsync(SwarmJoin join, CancellationToken cancellation)
    {
        Asked = join;
        return Task.CompletedTask;
    }

    public Task LeaveAsync(bool force, CancellationToken cancellation)
    {
        Asked = force;
        return Task.CompletedTask;
    }

    public Task UnlockAsync(string unlockKey, CancellationToken cancellation) =>
        throw new SwarmLifecycleException(LifecycleError.Unauthorized, "swarm could not be unlocked: invalid key provided");

    public Task<string> GetUnlockKeyAsync(CancellationToken cancellation) => Task.FromResult("SWMKEY-1-key");

    /// <summary>A call; the path is without version, or with one ("/v1.48/…").</summary>
    public async Task<(HttpStatusCode Code, string Body)> CallAsync(string method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Parse(method), path.StartsWith("/v", StringComparison.Ordinal) ? path : path.TrimStart('/'));
        if (json is not null)
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await _client.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        var (code, body) = await CallAsync("GET", path);
        Assert.True(code == HttpStatusCode.OK, $"{path}: {(int)code} {body}");
        return JsonNode.Parse(body)!;
    }

    public async Task<JsonNode?> PostAsync(string path, string json, HttpStatusCode expected = HttpStatusCode.OK)
    {
        var (code, body) = await CallAsync("POST", path, json);
        Assert.True(code == expected, $"{path}: {(int)code} {body}");
        return body.Length == 0 ? null : JsonNode.Parse(body);
    }

    /// <summary>The call is refused with this code; returns the words.</summary>
    public async Task<string> RefusedAsync(HttpStatusCode expected, string method, string path, string? json = null)
    {
        var (code, body) = await CallAsync(method, path, json);
        Assert.True(code == expected, $"{path}: {(int)code} {body}");
        return (string)JsonNode.Parse(body)!["message"]!;
    }

    public async Task<StreamReader> StreamAsync(string path) => new(await _client.GetStreamAsync(path.TrimStart('/')));

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _host.DisposeAsync();
        _api.Dispose();
        await _manager.DisposeAsync();
        Store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
