using System.Net;
using Skep.Api.Routing;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Endpoints;

/// <summary>/swarm: the cluster itself, and this host's part in it.</summary>
internal sealed class ClusterEndpoints(SwarmAccess swarm)
{
    private const string AlreadyInSwarm = "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.";

    /// <param name="routes">For what is this daemon's own business.</param>
    /// <param name="fresh">For what reads the cluster.</param>
    public void Map(ApiRoutes routes, ApiRoutes fresh)
    {
        routes
            .Map("POST", "/swarm/init", InitAsync)
            .Map("POST", "/swarm/join", JoinAsync)
            .Map("POST", "/swarm/leave", LeaveAsync)
            .Map("POST", "/swarm/unlock", UnlockAsync);
        fresh
            .Map("GET", "/swarm", InspectAsync)
            .Map("POST", "/swarm/update", UpdateAsync)
            .Map("GET", "/swarm/unlockkey", UnlockKeyAsync);
    }

    private Wire.Cluster Cluster => swarm.Read(state => state.Cluster) ?? throw new ApiException(503, SwarmAccess.Preparing);

    private Task InspectAsync(ApiContext context) => context.WriteAsync(Cluster.ToApi());

    private async Task InitAsync(ApiContext context)
    {
        var request = await context.ReadAsync<Types.InitRequest>();
        if (swarm.Lifecycle.Status.State != LocalNodeState.Inactive && !request.ForceNewCluster)
            throw new ApiException(503, AlreadyInSwarm);
        CheckListenAddr(request.ListenAddr);
        CheckSpecName(request.Spec);
        CheckAddressPools(request);
        if (request.DataPathPort is not 0 and (< 1024 or > 49151))
            throw new ApiException(400, $"Datapath port number is not in valid range (1024-49151) : {request.DataPathPort}");
        request.Spec.EncryptionConfig.AutoLockManagers |= request.AutoLockManagers;
        var nodeId = await LifecycleRefusal.MapAsync(() => swarm.Lifecycle.InitAsync(new SwarmInit
        {
            ListenAddr = request.ListenAddr,
            AdvertiseAddr = request.AdvertiseAddr,
            DataPathAddr = request.DataPathAddr,
            DataPathPort = request.DataPathPort,
            ForceNewCluster = request.ForceNewCluster,
            Spec = request.Spec.ToWire(over: ClusterConversion.DefaultSpec),
            Availability = Words.Availability.Parse(request.Availability, "Availability"),
            DefaultAddrPool = request.DefaultAddrPool ?? [],
            SubnetSize = request.SubnetSize,
        }, context.Aborted));
        await context.WriteAsync(nodeId);
    }

    private async Task JoinAsync(ApiContext context)
    {
        var request = await context.ReadAsync<Types.JoinRequest>();
        if (swarm.Lifecycle.Status.State != LocalNodeState.Inactive)
            throw new ApiException(503, AlreadyInSwarm);
        CheckListenAddr(request.ListenAddr);
        if (request.RemoteAddrs is not { Count: > 0 } remotes)
            throw new ApiException(400, "at least 1 RemoteAddr is required to join");
        if (remotes.Contains(""))
            throw new ApiException(400, "invalid remoteAddr \"\": invalid empty address");
        await LifecycleRefusal.MapAsync(() => swarm.Lifecycle.JoinAsync(new SwarmJoin
        {
            ListenAddr = request.ListenAddr,
            AdvertiseAddr = request.AdvertiseAddr,
            DataPathAddr = request.DataPathAddr,
            RemoteAddrs = [.. remotes.Select(r => WithPort(r))],
            JoinToken = request.JoinToken,
            Availability = Words.Availability.Parse(request.Availability, "Availability"),
        }, context.Aborted));
        context.WriteStatus(200);
    }

    private async Task LeaveAsync(ApiContext context)
    {
        var force = context.QueryFlag("force");
        CheckLeave(swarm.Lifecycle.Status, force);
        await LifecycleRefusal.MapAsync(() => swarm.Lifecycle.LeaveAsync(force, context.Aborted));
        context.WriteStatus(200);
    }

    private void CheckLeave(SwarmStatus status, bool force)
    {
        if (status.State == LocalNodeState.Inactive)
            throw new ApiException(503, "This node is not part of a swarm");
        if (force || swarm.IsWorker)
            return;
        if (status.State == LocalNodeState.Locked)
            throw new ApiException(503, "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.");
        var message = "You are attempting to leave the swarm on a node that is participating as a manager. ";
        if (swarm.Store is { } store)
        {
            var managers = store.Read(state => new ManagerStatuses(state, status));
            if (managers.Reachable - 2 <= managers.Unreachable)
            {
                if (managers is { Reachable: 1, Unreachable: 0 })
                    throw new ApiException(503, message + "Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ");
                message += $"Removing this node leaves {managers.Reachable - 1} managers out of {managers.Reachable + managers.Unreachable}. "
                    + "Without a Raft quorum your swarm will be inaccessible. ";
            }
        }
        else
        {
            message += "Doing so may lose the consensus of your cluster. ";
        }
        throw new ApiException(503, message + "The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. "
            + "Use `--force` to suppress this message.");
    }

    private async Task UpdateAsync(ApiContext context)
    {
        var spec = await context.ReadAsync<Types.ClusterSpec>();
        var version = context.VersionOf("swarm");
        var rotation = new Wire.KeyRotation
        {
            WorkerJoinToken = context.StrictFlag("rotateWorkerToken"),
            ManagerJoinToken = context.StrictFlag("rotateManagerToken"),
            ManagerUnlockKey = context.StrictFlag("rotateManagerUnlockKey"),
        };
        var cluster = Cluster;
        CheckSpecName(spec);
        await swarm.CallAsync<Wire.UpdateClusterResponse>(new Wire.UpdateClusterRequest
        {
            ClusterId = cluster.Id,
            ClusterVersion = new Wire.Version { Index = version },
            Spec = spec.ToWire(over: new Wire.ClusterSpec()),
            Rotation = rotation,
        }, context.Aborted);
        context.WriteStatus(200);
    }

    private async Task UnlockKeyAsync(ApiContext context)
    {
        _ = swarm.Manager;
        var key = await LifecycleRefusal.MapAsync(() => swarm.Lifecycle.GetUnlockKeyAsync(context.Aborted));
        await context.WriteAsync(new Types.UnlockKey { Key = key });
    }

    private async Task UnlockAsync(ApiContext context)
    {
        var request = await context.ReadAsync<Types.UnlockKey>();
        if (swarm.Lifecycle.Status.State != LocalNodeState.Locked)
        {
            _ = swarm.Manager;
            throw new ApiException(409, "swarm is not locked");
        }
        await LifecycleRefusal.MapAsync(() => swarm.Lifecycle.UnlockAsync(request.Key, context.Aborted));
        context.WriteStatus(200);
    }

    private static void CheckSpecName(Types.ClusterSpec spec)
    {
        if (spec.Name.Length == 0)
            spec.Name = "default";
        else if (spec.Name != "default")
            throw new ApiException(400, "swarm spec must be named \"default\"");
    }

    private static void CheckListenAddr(string address)
    {
        if (address.Length == 0)
            throw new ApiException(400, "invalid ListenAddr \"\": invalid empty address");
    }

    private static void CheckAddressPools(Types.InitRequest request)
    {
        if (request.DefaultAddrPool is not { Count: > 0 } pools)
            return;
        var size = request.SubnetSize == 0 ? 24 : request.SubnetSize;
        if (size > 29)
            throw new ApiException(400, $"subnet size is out of range: {size}");
        foreach (var pool in pools)
        {
            if (!IPNetwork.TryParse(pool, out var network))
                throw new ApiException(400, $"invalid CIDR: \"{pool}\"");
            if (size < network.PrefixLength)
                throw new ApiException(400, $"invalid CIDR: \"{pool}\". Subnet size is too small for pool: {size}");
        }
    }

    /// <summary>The port that managers listen on unless told otherwise.</summary>
    private static string WithPort(string address) =>
        address.Contains(':') && !(address.StartsWith('[') && address.EndsWith(']')) ? address : address + ":2377";
}
