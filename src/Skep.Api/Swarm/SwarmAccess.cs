using Google.Protobuf;
using Skep.Manager;
using Skep.State;

namespace Skep.Api.Swarm;

/// <summary>The cluster's state to read and its manager to ask, or stock's words why not.</summary>
internal sealed class SwarmAccess(ISwarmLifecycle lifecycle, TimeProvider time)
{
    public const string NotInSwarm = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";
    public const string Locked = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.";
    public const string Preparing = "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.";

    public const string Worker = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. "
        + "Please run this command on a manager node or promote the current node to a manager.";

    /// <summary>As stock: how long a request may wait for its commit.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(20);

    /// <summary>An election takes 1 to 2 s, and may need a second round.</summary>
    private static readonly TimeSpan LeaderPatience = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan LeaderPoll = TimeSpan.FromMilliseconds(50);

    public ISwarmLifecycle Lifecycle => lifecycle;

    /// <summary>The engine beside this daemon is in a swarm, the daemon itself manages none.</summary>
    public bool IsWorker => lifecycle.Manager is null && lifecycle.Status is { State: LocalNodeState.Active, ManagerId.Length: 0 };

    /// <summary>Null while this daemon serves no cluster.</summary>
    public StateStore? Store => lifecycle.Manager?.Store;

    /// <exception cref="ApiException">503.</exception>
    public IManager Manager => lifecycle.Manager ?? throw new ApiException(503, lifecycle.Status.State switch
    {
        LocalNodeState.Inactive => NotInSwarm,
        LocalNodeState.Locked => Locked,
        LocalNodeState.Active when IsWorker => Worker,
        _ => Preparing,
    });

    /// <summary>Reads under the store's lock: take references out and convert them afterwards.</summary>
    public T Read<T>(Func<ClusterState, T> read) => Manager.Store.Read(read);

    /// <summary>
    /// Waits until the state here holds all that was committed anywhere, an election included. Without a cluster there is nothing to
    /// wait for.
    /// </summary>
    /// <exception cref="ApiException">503 in stock's words: no leader within some seconds.</exception>
    public async Task CatchUpAsync(CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        while (lifecycle.Manager is { } manager)
        {
            try
            {
                await manager.ReadBarrierAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (ControlException refusal)
            {
                if (time.GetElapsedTime(began) > LeaderPatience)
                    throw ControlRefusal.ToApi(refusal);
                await Task.Delay(LeaderPoll, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Asks the manager and waits for the commit.</summary>
    /// <exception cref="ApiException">Refused, with stock's code and words.</exception>
    public async Task<TResponse> CallAsync<TResponse>(IMessage request, CancellationToken cancellation)
        where TResponse : IMessage<TResponse>
    {
        using var timeout = new CancellationTokenSource(RequestTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            return await Manager.CallAsync<TResponse>(request, both.Token).ConfigureAwait(false);
        }
        catch (ControlException refusal)
        {
            throw ControlRefusal.ToApi(refusal);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new ApiException(500, "rpc error: code = DeadlineExceeded desc = context deadline exceeded");
        }
    }
}
