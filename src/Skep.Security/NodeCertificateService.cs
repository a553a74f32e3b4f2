using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.State;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Security;

/// <summary>
/// SwarmKit's NodeCA service: newcomers get a certificate for a join token, nodes renew theirs. The certificate is signed at once
/// and is part of the node's object, so that it is in the log before anyone holds it.
/// </summary>
/// <param name="manager">The cluster.</param>
/// <param name="signer">Signs.</param>
/// <param name="time">The clock.</param>
/// <param name="refusals">One line for every refusal.</param>
/// <param name="logger">Joins and renewals.</param>
public sealed class NodeCertificateService(IManager manager, CertificateSigner signer, TimeProvider time, RefusalLog refusals, ILogger<NodeCertificateService> logger) : NodeCA.NodeCABase
{
    /// <summary>Engines ask again by themselves after 5 s.</summary>
    private static readonly TimeSpan LongestStatusWait = TimeSpan.FromSeconds(20);

    /// <summary>Calls that may wait at once, since they need no certificate; others are answered without waiting.</summary>
    private const int MaxStatusWaits = 1_000;

    private int _statusWaits;

    public override async Task<IssueNodeCertificateResponse> IssueNodeCertificate(IssueNodeCertificateRequest request, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(context);
        if (request.Csr.IsEmpty)
            throw refusals.Refuse(context, StatusCode.InvalidArgument, "a certificate signing request is needed");
        var cluster = await manager.PresentClusterAsync(context.CancellationToken).ConfigureAwait(false);
        // A valid certificate goes before a token, as in stock: a node keeps its id.
        return context.FindNode() is { } node
            ? await RenewAsync(request, context, cluster, node).ConfigureAwait(false)
            : await JoinAsync(request, context, cluster).ConfigureAwait(false);
    }

    public override async Task<NodeCertificateStatusResponse> NodeCertificateStatus(NodeCertificateStatusRequest request, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(context);
        if (request.NodeId.Length == 0)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "a node id is needed"));
        var node = FindNode(request.NodeId);
        if (!IsFinal(node))
            node = await WaitUntilFinalAsync(node, context.CancellationToken).ConfigureAwait(false);
        var certificate = node.Certificate ?? new Certificate { Status = new IssuanceStatus() };
        return new NodeCertificateStatusResponse { Status = certificate.Status, Certificate = certificate };
    }

    private async Task<IssueNodeCertificateResponse> JoinAsync(IssueNodeCertificateRequest request, ServerCallContext context, Cluster cluster)
    {
        // Both are compared always, so that the time taken does not tell which one was nearly right.
        var isManager = JoinToken.AreSame(cluster.RootCa.JoinTokens.Manager, request.Token);
        var isWorker = JoinToken.AreSame(cluster.RootCa.JoinTokens.Worker, request.Token);
        if (isManager)
            throw RefuseManager(context);
        if (!isWorker)
            throw refusals.Refuse(context, StatusCode.InvalidArgument, "A valid join token is necessary to join this cluster");
        var nodeId = ClusterFactory.NewId();
        await IssueAsync(context, cluster, request.Csr, nodeId, NodeRole.Worker, request.Availability).ConfigureAwait(false);
        SecurityMetrics.Certificates.WithLabels("join").Inc();
        logger.LogInformation("node {NodeId} joins from {Address} as a worker", nodeId, context.Peer);
        return new IssueNodeCertificateResponse { NodeId = nodeId, NodeMembership = NodeSpec.Types.Membership.Accepted };
    }

    private async Task<IssueNodeCertificateResponse> RenewAsync(IssueNodeCertificateRequest request, ServerCallContext context, Cluster cluster, NodeIdentity caller)
    {
        // Managers sign their own certificates: what is renewed here is always an engine's, in the role its node has now.
        var node = manager.Store.Read(state => state.Nodes.GetValueOrDefault(caller.NodeId))
            ?? throw refusals.Refuse(context, StatusCode.NotFound, $"node {caller.NodeId} not found when attempting to renew certificate");
        await IssueAsync(context, cluster, request.Csr, node.Id, node.Role, node.Spec.Availability).ConfigureAwait(false);
        SecurityMetrics.Certificates.WithLabels("renewal").Inc();
        logger.LogInformation("node {NodeId} at {Address} renewed its certificate", node.Id, context.Peer);
        return new IssueNodeCertificateResponse { NodeId = node.Id, NodeMembership = node.Spec.Membership };
    }

    private async Task IssueAsync(ServerCallContext context, Cluster cluster, ByteString csr, string nodeId, NodeRole role, NodeSpec.Types.Availability availability)
    {
        try
        {
            var certificate = await signer.IssueAsync(cluster, csr, nodeId, role, context.CancellationToken).ConfigureAwait(false);
            await manager.SubmitAsync(new CertificateIssued(nodeId, certificate, availability), context.CancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (SigningRefusal.Of(e) is { } refusal)
        {
            throw refusals.Refuse(context, refusal.StatusCode, refusal.Detail);
        }
        catch (ControlException e)
        {
            refusals.Certificate(context.Peer, e.Message);
            throw e.ToRpc();
        }
    }

    private RpcException RefuseManager(ServerCallContext context) => refusals.Refuse(context, StatusCode.FailedPrecondition,
        "managers of this cluster are hosts that run skepd, and this request came from a Docker engine: to add this host as a manager, install skepd "
        + "and join with 'docker -H unix:///run/skep.sock swarm join'; to add it as a worker, join with the token that 'docker swarm join-token worker' shows");

    private Node FindNode(string nodeId) =>
        manager.Store.Read(state => state.Nodes.GetValueOrDefault(nodeId)) ?? throw new RpcException(new Status(StatusCode.NotFound, $"node {nodeId} not found"));

    private static bool IsFinal(Node node) => node.Certificate?.Status?.State is
        IssuanceStatus.Types.State.Issued or IssuanceStatus.Types.State.Failed or IssuanceStatus.Types.State.Rotate;

    private async Task<Node> WaitUntilFinalAsync(Node node, CancellationToken cancellation)
    {
        try
        {
            return Interlocked.Increment(ref _statusWaits) > MaxStatusWaits ? node : await ChangeAsync(node.Id, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _statusWaits);
        }
    }

    private async Task<Node> ChangeAsync(string nodeId, CancellationToken cancellation)
    {
        var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var subscription = manager.Store.Subscribe(changes =>
        {
            if (changes.OfType<NodeChange>().Any(change => change.New is { } node ? node.Id == nodeId && IsFinal(node) : change.Old!.Id == nodeId))
                changed.TrySetResult();
        }, () => changed.TrySetResult());
        // Looked at again: it may have changed before the subscription stood.
        if (FindNode(nodeId) is var now && IsFinal(now))
            return now;
        try
        {
            await changed.Task.WaitAsync(LongestStatusWait, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // As it is, then.
        }
        return FindNode(nodeId);
    }
}
