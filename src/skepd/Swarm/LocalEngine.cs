using System.Text.Json.Nodes;
using Skep.Api;
using Skep.Api.Engine;
using Skep.Api.Swarm;

namespace Skep.Daemon.Swarm;

/// <summary>The stock engine on this host, as a worker of the cluster.</summary>
internal sealed class LocalEngine(IEngineClient engine)
{
    // Stock's own time-out for joining is 20 s; the engine answers with an error then.
    private static readonly TimeSpan JoinTimeout = TimeSpan.FromSeconds(30);

    /// <summary>False with --engine none.</summary>
    public bool Exists => engine.IsConfigured;

    /// <summary>Where the engine stands.</summary>
    public async Task<EngineSwarm> AskAsync(CancellationToken cancellation)
    {
        var info = await engine.GetJsonAsync("/info", null, cancellation).ConfigureAwait(false);
        var swarm = info?["Swarm"];
        return new EngineSwarm(
            Text(swarm, "LocalNodeState"),
            Text(swarm, "NodeID"),
            Text(swarm, "NodeAddr"),
            swarm?["ControlAvailable"]?.GetValue<bool>() ?? false,
            Text(swarm, "Error"));
    }

    /// <summary>Makes it join and waits until it is a node.</summary>
    public async Task<EngineSwarm> JoinAsync(EngineJoin join, CancellationToken cancellation)
    {
        var body = new JsonObject
        {
            ["ListenAddr"] = "0.0.0.0:2377",
            ["AdvertiseAddr"] = join.AdvertiseAddr,
            ["DataPathAddr"] = join.DataPathAddr,
            ["RemoteAddrs"] = new JsonArray([.. join.RemoteAddrs.Select(a => (JsonNode?)a)]),
            ["JoinToken"] = join.Token,
            ["Availability"] = join.Availability,
        };
        try
        {
            await engine.PostJsonAsync("/swarm/join", body, JoinTimeout, cancellation).ConfigureAwait(false);
        }
        catch (ApiException e)
        {
            throw new SwarmLifecycleException(LifecycleError.Failed, $"the engine beside skepd could not join: {e.Message}", e);
        }
        return await AskAsync(cancellation).ConfigureAwait(false);
    }

    public Task LeaveAsync(bool force, CancellationToken cancellation) =>
        engine.PostJsonAsync(force ? "/swarm/leave?force=1" : "/swarm/leave", null, JoinTimeout, cancellation);

    private static string Text(JsonNode? node, string name) => node?[name]?.GetValue<string>() ?? "";
}

/// <summary>docker info's Swarm part of an engine.</summary>
/// <param name="State">inactive, pending, active, error or locked.</param>
/// <param name="NodeId">Empty when inactive.</param>
/// <param name="NodeAddr">The address that it advertises.</param>
/// <param name="IsManager">It is a stock manager.</param>
/// <param name="Error">What is wrong with it.</param>
internal sealed record EngineSwarm(string State, string NodeId, string NodeAddr, bool IsManager, string Error)
{
    public bool IsInactive => State is "" or "inactive";
}

/// <summary>How the engine is to join.</summary>
internal sealed record EngineJoin(string Token, IReadOnlyList<string> RemoteAddrs, string AdvertiseAddr, string DataPathAddr, string Availability);
