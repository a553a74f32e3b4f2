using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Api;
using Skep.Api.Engine;
using Skep.Api.Hosting;
using Skep.Api.Routing;

namespace Skep.UnitTests.Api;

/// <summary>A running <see cref="ApiHost"/> on a unix socket, before an engine that the test plays (or none).</summary>
internal sealed class ApiFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("skep-api");
    private readonly FakeEngine? _engine;

    private ApiFixture(Func<string, NetworkStream, Task>? engine, bool noEngine, ApiRoutes? routes, ISwarmInfo? swarm, TimeSpan? drain)
    {
        EnginePath = Path.Combine(_folder.FullName, "engine.sock");
        SocketPath = Path.Combine(_folder.FullName, "skep.sock");
        if (engine is not null) _engine = new FakeEngine(EnginePath, engine);
        Host = new ApiHost(
            new ApiHostOptions
            {
                Listen = [new ListenAddress.Unix(SocketPath)],
                Engine = noEngine ? EngineAddress.None : EngineAddress.Parse("unix://" + EnginePath),
                Routes = routes ?? new ApiRoutes(),
                Swarm = swarm ?? new InactiveSwarm(),
                DrainTime = drain ?? TimeSpan.FromMilliseconds(200),
            },
            NullLoggerFactory.Instance);
        Client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, _) => await ConnectAsync(),
        })
        { BaseAddress = new Uri("http://docker"), Timeout = TimeSpan.FromSeconds(10) };
    }

    public string EnginePath { get; }

    public string SocketPath { get; }

    public ApiHost Host { get; }

    public HttpClient Client { get; }

    /// <param name="engine">Null: nobody listens at the engine's address.</param>
    public static async Task<ApiFixture> StartAsync(Func<string, NetworkStream, Task>? engine = null, bool noEngine = false, ApiRoutes? routes = null, ISwarmInfo? swarm = null, TimeSpan? drain = null)
    {
        var fixture = new ApiFixture(engine, noEngine, routes, swarm, drain);
        await fixture.Host.StartAsync();
        return fixture;
    }

    /// <summary>A raw connection to the API.</summary>
    public async Task<NetworkStream> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
        return new NetworkStream(socket, ownsSocket: true) { ReadTimeout = 10000 };
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
        _engine?.Dispose();
        _folder.Delete(recursive: true);
    }
}
