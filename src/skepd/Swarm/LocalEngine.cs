using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Skep.Api;
using Skep.Api.Engine;
using Skep.Api.Swarm;

namespace Skep.Daemon.Swarm;

/// <summary>The stock engine on this host, as a worker of the cluster.</summary>
internal sealed class LocalEngine(IEngineClient engine)
{
    // Stock's own time-out for joining is 20 s; the engine answers with an error then.
    private static readonly TimeSpan JoinTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(2);

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

    /// <summary>Nobody takes an engine out of the swarm it is in but its operator.</summary>
    public async Task ThrowIfInSwarmAsync(CancellationToken cancellation)
    {
        if (Exists && await AskAsync(cancellation).ConfigureAwait(false) is { IsInactive: false } engine)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, $"The engine beside skepd is already part of a swarm (state {engine.State}). Let it leave first: \"docker -H <engine socket> swarm leave\".");
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
        var joined = await AskAsync(cancellation).ConfigureAwait(false);
        return joined.State == "active"
            ? joined
            : throw new SwarmLifecycleException(LifecycleError.Failed, $"the engine beside skepd did not become a node (state {joined.State}): {joined.Error}");
    }

    /// <summary>Makes it join as docker swarm join on skepd's socket asks for.</summary>
    public Task<EngineSwarm> JoinAsWorkerAsync(SwarmJoin join, CancellationToken cancellation)
    {
        if (!Exists)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, "There is no engine beside this skepd (--engine none), so it has nothing that could join as a worker: join with the token that \"docker swarm join-token manager\" shows.");
        return JoinAsync(new EngineJoin(join.JoinToken, join.RemoteAddrs, join.AdvertiseAddr, join.DataPathAddr, join.Availability.ToString().ToLowerInvariant()), cancellation);
    }

    public Task LeaveAsync(bool force, CancellationToken cancellation) =>
        engine.PostJsonAsync(force ? "/swarm/leave?force=1" : "/swarm/leave", null, JoinTimeout, cancellation);

    /// <summary>Has it leave whatever it is in. An engine that is down or will not go keeps nobody here: the operator is told what to do.</summary>
    public async Task LeaveAnyAsync(ILogger logger)
    {
        if (!Exists)
            return;
        try
        {
            if (await AskAsync(CancellationToken.None).ConfigureAwait(false) is { IsInactive: false })
                await LeaveAsync(force: true, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            logger.LogWarning("the engine beside skepd could not leave: {Reason}; let it leave by hand: docker -H <engine socket> swarm leave --force", e.Message);
        }
    }

    /// <summary>Tries until it works: at boot the engine may come later than skepd.</summary>
    public async Task UntilItAnswersAsync(Func<Task> attempt, TimeProvider time, ILogger logger, CancellationToken closing)
    {
        while (Exists && !closing.IsCancellationRequested)
        {
            try
            {
                await attempt().ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                logger.LogWarning("the engine beside skepd does not answer yet: {Reason}", e.Message);
                await Task.Delay(Retry, time, closing).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
            }
        }
    }

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

    /// <summary>The same for a skepd that manages nothing: its part in a swarm is its engine's.</summary>
    public SwarmStatus Status
    {
        get
        {
            LocalNodeState? state = State switch
            {
                "active" => LocalNodeState.Active,
                "pending" => LocalNodeState.Pending,
                "error" => LocalNodeState.Error,
                "locked" => LocalNodeState.Locked,
                _ => null,
            };
            return state is { } part ? new SwarmStatus(part, NodeId, NodeAddr, Error: Error) : SwarmStatus.Inactive;
        }
    }
}

/// <summary>How the engine is to join.</summary>
internal sealed record EngineJoin(string Token, IReadOnlyList<string> RemoteAddrs, string AdvertiseAddr, string DataPathAddr, string Availability);
