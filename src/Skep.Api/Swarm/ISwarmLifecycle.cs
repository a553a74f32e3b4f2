namespace Skep.Api.Swarm;

/// <summary>How this daemon becomes and stops being a manager: what <c>docker swarm init|join|leave|unlock</c> ask for.</summary>
/// <remarks>
/// The API has checked what can be checked without the host (names, required fields). Everything else is the implementer's, which
/// refuses with a <see cref="SwarmLifecycleException"/>. One call runs at a time; a second one waits.
/// </remarks>
public interface ISwarmLifecycle
{
    /// <summary>Where this daemon stands. Cheap, never waits: it is read by every API call.</summary>
    SwarmStatus Status { get; }

    /// <summary>The manager, or null while this daemon does not serve the cluster's state (not a manager, starting, locked).</summary>
    Skep.Manager.IManager? Manager { get; }

    /// <summary>
    /// Raised after <see cref="Manager"/> or the state of <see cref="Status"/> changed, and before the call that caused it returns. Handlers
    /// return at once.
    /// </summary>
    event Action? Changed;

    /// <summary>Makes a cluster with this daemon as its first manager; with ForceNewCluster, from the state that is here.</summary>
    /// <returns>The id of the node that hosts the manager.</returns>
    Task<string> InitAsync(SwarmInit init, CancellationToken cancellation);

    /// <summary>Joins the cluster behind the remote addresses and returns once this manager is a member (or the time-out of stock, 20 s, is over).</summary>
    Task JoinAsync(SwarmJoin join, CancellationToken cancellation);

    /// <summary>Leaves the cluster and forgets its state. Whether that is safe was already asked, unless forced.</summary>
    Task LeaveAsync(bool force, CancellationToken cancellation);

    /// <summary>Opens the encrypted state of a locked manager with a key as <c>docker swarm unlock-key</c> prints it (SWMKEY-1-…).</summary>
    Task UnlockAsync(string unlockKey, CancellationToken cancellation);

    /// <summary>The present unlock key in that form; empty when autolock is off.</summary>
    Task<string> GetUnlockKeyAsync(CancellationToken cancellation);
}

/// <summary>docker info's LocalNodeState.</summary>
public enum LocalNodeState
{
    /// <summary>Not part of a swarm.</summary>
    Inactive,

    /// <summary>Joining, or starting.</summary>
    Pending,

    Active,

    /// <summary>Part of a swarm, but it could not be started; see the status' error.</summary>
    Error,

    /// <summary>The state is encrypted and waits for docker swarm unlock.</summary>
    Locked,
}

/// <summary>Where this daemon stands.</summary>
/// <param name="State">Its state.</param>
/// <param name="NodeId">The node that hosts this manager (its engine), as the cluster knows it; empty while not known.</param>
/// <param name="NodeAddr">The IP address this node advertises, without port; empty while not in a swarm.</param>
/// <param name="ManagerId">This manager's key in ClusterState.Managers; empty while not known.</param>
/// <param name="LeaderId">The present leader's key in ClusterState.Managers; empty while there is none.</param>
/// <param name="Error">What is wrong; empty when nothing is.</param>
public sealed record SwarmStatus(LocalNodeState State, string NodeId = "", string NodeAddr = "", string ManagerId = "", string LeaderId = "", string Error = "")
{
    public static readonly SwarmStatus Inactive = new(LocalNodeState.Inactive);
}

/// <summary>docker swarm init, with the defaults of stock's daemon filled in.</summary>
public sealed record SwarmInit
{
    /// <summary>host:port, or what --listen-addr said without a port (default port 2377, default address 0.0.0.0:2377).</summary>
    public required string ListenAddr { get; init; }

    /// <summary>IP, interface, either with or without port; empty: to be found out.</summary>
    public required string AdvertiseAddr { get; init; }

    /// <summary>IP or interface for container traffic; empty: the advertised one.</summary>
    public string DataPathAddr { get; init; } = "";

    /// <summary>UDP port of VXLAN; 0: 4789.</summary>
    public uint DataPathPort { get; init; }

    public bool ForceNewCluster { get; init; }

    /// <summary>The cluster's spec, complete (stock's defaults, the request's values over them, autolock).</summary>
    public required Wire.ClusterSpec Spec { get; init; }

    /// <summary>Of the node that hosts this manager.</summary>
    public Wire.NodeSpec.Types.Availability Availability { get; init; }

    /// <summary>Pools for overlay subnets in CIDR notation; empty: 10.0.0.0/8.</summary>
    public IReadOnlyList<string> DefaultAddrPool { get; init; } = [];

    /// <summary>Prefix length of a subnet cut from the pools; 0: 24.</summary>
    public uint SubnetSize { get; init; }
}

/// <summary>docker swarm join.</summary>
public sealed record SwarmJoin
{
    public required string ListenAddr { get; init; }

    /// <summary>Empty: to be found out.</summary>
    public required string AdvertiseAddr { get; init; }

    public string DataPathAddr { get; init; } = "";

    /// <summary>At least one, each host:port.</summary>
    public required IReadOnlyList<string> RemoteAddrs { get; init; }

    /// <summary>SWMTKN-1-…; not logged.</summary>
    public required string JoinToken { get; init; }

    public Wire.NodeSpec.Types.Availability Availability { get; init; }
}

/// <summary>Why a lifecycle request was refused.</summary>
public enum LifecycleError
{
    /// <summary>HTTP 400: a bad address, token, key form.</summary>
    InvalidParameter,

    /// <summary>HTTP 503: not now (already in a swarm, time-out, not a manager).</summary>
    Unavailable,

    /// <summary>HTTP 409: not locked.</summary>
    Conflict,

    /// <summary>HTTP 401: the unlock key is wrong.</summary>
    Unauthorized,

    /// <summary>HTTP 500.</summary>
    Failed,
}

/// <summary>A lifecycle request was refused. The message is what the user reads.</summary>
public sealed class SwarmLifecycleException(LifecycleError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public LifecycleError Error { get; } = error;
}
