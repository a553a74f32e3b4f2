using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Rpc.Server;
using Skep.State;
using Skep.Wire;

namespace Skep.Security;

/// <summary>
/// Checks for every call on the cluster port that the caller's certificate is of this cluster and in its time, that its role
/// allows the call, and that its node was not removed; then leaves the caller's identity with the call.
/// </summary>
/// <remarks>The texts are SwarmKit's.</remarks>
/// <param name="trust">The roots.</param>
/// <param name="manager">Its committed state: cluster, nodes, managers.</param>
/// <param name="refusals">One line for every refusal.</param>
/// <param name="logger">What only debugging needs.</param>
public sealed class CallAuthorization(ClusterTrust trust, IManager manager, RefusalLog refusals, ILogger<CallAuthorization> logger)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <exception cref="RpcException">PermissionDenied.</exception>
    public async ValueTask AuthorizeAsync(ServerCall context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var role = CallRoles.Of(context.Method);
        var peer = ((ClusterPeer)context.Connection).Verify(trust);
        if (IsStranger(peer, role))
            await CatchUpAsync(context.CancellationToken).ConfigureAwait(false);
        if (Refusal(peer, role) is not { } refusal)
        {
            context.SetNode(peer!.Identity!);
            return;
        }
        if (role == CallRole.Anyone)
        {
            // A newcomer without a certificate, or a node with one that no longer counts: a join token decides.
            if (peer is not null)
                logger.LogDebug("{Method} from {Address} goes on without its certificate ({Node}): {Reason}", context.Method, context.Peer, peer.Identity?.NodeId, refusal);
            return;
        }
        refusals.Call(context.Method, context.Peer, peer?.Identity?.NodeId, refusal);
        throw new RpcException(new Status(StatusCode.PermissionDenied, $"Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = {refusal}"));
    }

    /// <summary>
    /// Its certificate is good, and this manager knows nothing of it: it was removed and forgotten, or it came by way of another manager
    /// a moment ago and this one lags.
    /// </summary>
    private bool IsStranger(VerifiedPeer? peer, CallRole role) => peer is { Flaw: null, Identity: { } node } && manager.Store.Read(state =>
        state.Cluster is { } cluster && node.ClusterId == cluster.Id && !IsKnown(state, node, role) && !cluster.BlacklistedCertificates.ContainsKey(node.NodeId));

    private async System.Threading.Tasks.Task CatchUpAsync(CancellationToken cancellation)
    {
        try
        {
            await manager.ReadBarrierAsync(cancellation).WaitAsync(Patience, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ControlException or TimeoutException)
        {
            // What this manager knows decides.
            logger.LogDebug("no leader says whether an unknown node is one of the cluster: {Reason}", e.Message);
        }
    }

    private string? Refusal(VerifiedPeer? peer, CallRole role)
    {
        if (peer is null)
            return "no client certificates in request";
        if (peer.Flaw is not null)
            return peer.Flaw;
        // A connection may outlive the certificate that it began with.
        if (trust.Now > peer.NotAfter || trust.Now < peer.NotBefore)
            return "certificate has expired or is not yet valid";
        if (peer.Identity is not { } node)
            return "remote certificate is not a node's";
        if (role is (CallRole.Manager or CallRole.RaftMember) && node.Role != NodeRole.Manager)
            return $"Permission denied: remote certificate not part of OUs: [{NodeIdentity.ManagerUnit}]";
        return manager.Store.Read(state => Refusal(state, node, role));
    }

    private string? Refusal(ClusterState state, NodeIdentity node, CallRole role)
    {
        // A manager that joins has no state yet, and gets it from one whose certificate is all that it can judge by.
        if (state.Cluster is not { } cluster)
            return node.Role == NodeRole.Manager && node.ClusterId == trust.ClusterId ? null : "there is no cluster yet";
        if (node.ClusterId != cluster.Id)
            return $"Permission denied: remote certificate not part of organization: {cluster.Id}";
        // Who is not in the state was removed: a certificate is only handed out once its node is.
        return IsKnown(state, node, role) && !cluster.BlacklistedCertificates.ContainsKey(node.NodeId) ? null : $"Permission denied: node {node.NodeId} was removed from swarm";
    }

    // A Raft member need not be known, see CallRole. Who was demoted is no manager any more, whatever his certificate says.
    private static bool IsKnown(ClusterState state, NodeIdentity node, CallRole role) => role == CallRole.RaftMember || (node.Role == NodeRole.Manager
        ? state.Managers.GetValueOrDefault(node.NodeId) is { } manager && (manager.IsMember || role != CallRole.Manager)
        : state.Nodes.ContainsKey(node.NodeId) || state.Managers.ContainsKey(node.NodeId));
}
