using Skep.Api.Engine;
using Skep.Api.Routing;

namespace Skep.Api.Hosting;

/// <summary>What an <see cref="ApiHost"/> serves and where.</summary>
public sealed class ApiHostOptions
{
    /// <summary>Where to listen; at least one.</summary>
    public required IReadOnlyList<ListenAddress> Listen { get; init; }

    /// <summary>TLS of the TCP addresses; null serves them in the clear.</summary>
    public ServerTls? Tls { get; init; }

    /// <summary>The local engine.</summary>
    public required EngineAddress Engine { get; init; }

    /// <summary>The endpoints that skepd claims besides /_ping, /version and /info.</summary>
    public ApiRoutes Routes { get; init; } = new();

    /// <summary>What /_ping and /info say of the swarm.</summary>
    public ISwarmInfo Swarm { get; init; } = new InactiveSwarm();

    /// <summary>How long a stop waits for calls under way before it cuts them, streams included.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(3);

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
