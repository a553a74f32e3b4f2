using Grpc.Core;

namespace Skep.Dispatch;

/// <summary>The other managers of the cluster, as this one reaches them.</summary>
public interface IManagerPeers
{
    /// <summary>
    /// All that serve nodes now, whether they answer or not. Calls show this manager's certificate. The channels belong to whoever
    /// implements this; one that is silent should fail calls by keep-alive pings.
    /// </summary>
    IReadOnlyList<ManagerPeer> Others { get; }
}

/// <summary>Another manager.</summary>
/// <param name="ManagerId">Its key in <see cref="State.ClusterState.Managers"/>.</param>
/// <param name="Channel">To its cluster port.</param>
public sealed record ManagerPeer(string ManagerId, ChannelBase Channel);

/// <summary>A manager that is alone.</summary>
public sealed class NoPeers : IManagerPeers
{
    public IReadOnlyList<ManagerPeer> Others => [];
}
