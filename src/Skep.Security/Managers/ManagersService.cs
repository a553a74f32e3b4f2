using System.Buffers.Binary;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Manager.Certificates;
using Skep.Rpc.Server;
using Skep.State;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Security.Managers;

/// <summary>How further skepds join the cluster, and how they hear what they are in it.</summary>
/// <param name="manager">The cluster.</param>
/// <param name="isRaftMember">By what is applied here.</param>
/// <param name="signer">Signs certificates.</param>
/// <param name="time">The clock.</param>
/// <param name="refusals">One line for every refusal.</param>
/// <param name="logger">Joins.</param>
public sealed class ManagersService(
    IManager manager, Func<ulong, bool> isRaftMember, CertificateSigner signer, TimeProvider time, RefusalLog refusals, ILogger<ManagersService> logger) : Managers.ManagersBase
{
    /// <summary>Removal from the Raft group follows a demotion without a change of the state.</summary>
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(500);

    public override async Task<JoinReply> Join(JoinRequest request, ServerCallContext context)
    {
        var cluster = await manager.PresentClusterAsync(context.CancellationToken).ConfigureAwait(false);
        // Both are compared always, so that the time taken does not tell which one was nearly right.
        var isManager = JoinToken.AreSame(cluster.RootCa.JoinTokens.Manager, request.Token);
        var isWorker = JoinToken.AreSame(cluster.RootCa.JoinTokens.Worker, request.Token);
        if (!isManager && !isWorker)
            throw refusals.Refuse(context, StatusCode.InvalidArgument, "A valid join token is necessary to join this cluster");
        var joined = new State.Manager
        {
            Id = ClusterFactory.NewId(),
            RaftId = isManager ? BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8)) | 1 : 0,
            Addr = request.Addr,
            Standby = !isManager,
            Joining = isManager,
        };
        var certificate = await SignAsync(context, cluster, request.Csr, joined).ConfigureAwait(false);
        await SubmitAsync(new AddManager(joined), context).ConfigureAwait(false);
        SecurityMetrics.Certificates.WithLabels("join").Inc();
        logger.LogInformation("skepd {ManagerId} at {Address} joins as a {Role}", joined.Id, joined.Addr, isManager ? "manager" : "standby beside its engine");
        var reply = new JoinReply { ManagerId = joined.Id, RaftId = joined.RaftId, Certificate = certificate, Roots = IssuingRoot.TrustedBy(cluster.RootCa) };
        (reply.UnlockKey, reply.ClusterVersion) = UnlockKeyFor(joined, cluster);
        reply.Peers.AddRange(manager.Store.Read(Peers));
        return reply;
    }

    public override async Task<RenewReply> Renew(RenewRequest request, ServerCallContext context)
    {
        await manager.PresentClusterAsync(context.CancellationToken).ConfigureAwait(false);
        var (cluster, caller) = Caller(context);
        var certificate = await SignAsync(context, cluster, request.Csr, caller).ConfigureAwait(false);
        SecurityMetrics.Certificates.WithLabels("renewal").Inc();
        var reply = new RenewReply { Certificate = certificate, Roots = IssuingRoot.TrustedBy(cluster.RootCa) };
        (reply.UnlockKey, reply.ClusterVersion) = UnlockKeyFor(caller, cluster);
        return reply;
    }

    public override async Task Watch(WatchRequest request, IServerStreamWriter<WatchReply> responseStream, ServerCallContext context)
    {
        WatchReply? told = null;
        while (!context.CancellationToken.IsCancellationRequested)
        {
            try
            {
                // What is old here could undo a promotion there.
                await manager.ReadBarrierAsync(context.CancellationToken).ConfigureAwait(false);
            }
            catch (ControlException e)
            {
                throw e.ToRpc();
            }
            var (cluster, caller) = Caller(context);
            await NoteCertificateAsync(cluster, caller, context).ConfigureAwait(false);
            var reply = new WatchReply
            {
                Roots = IssuingRoot.TrustedBy(cluster.RootCa),
                Issuer = IssuingRoot.Of(cluster).CertificatePem,
                Standby = caller.Standby,
                RaftId = caller.RaftId,
                RaftMember = isRaftMember(caller.RaftId),
            };
            reply.Peers.AddRange(manager.Store.Read(Peers));
            if (!reply.Equals(told))
                await responseStream.WriteAsync(reply, context.CancellationToken).ConfigureAwait(false);
            told = reply;
            await Task.Delay(WatchInterval, time, context.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public override async Task<ReportReply> Report(ReportRequest request, ServerCallContext context)
    {
        var (_, caller) = Caller(context);
        await SubmitAsync(new ManagerReport(caller.Id, request.NodeId, request.Addr, Run: "", Format: 0), context).ConfigureAwait(false);
        return new ReportReply();
    }

    public override async Task<LeaveReply> Leave(LeaveRequest request, ServerCallContext context)
    {
        var (_, caller) = Caller(context);
        await SubmitAsync(new RemoveManager(caller.Id), context).ConfigureAwait(false);
        logger.LogInformation("skepd {ManagerId} at {Address} leaves the cluster", caller.Id, caller.Addr);
        return new LeaveReply();
    }

    /// <summary>A standby has no state in which it could say whose certificate it holds; it shows it with this call.</summary>
    private async Task NoteCertificateAsync(Cluster cluster, State.Manager caller, ServerCallContext context)
    {
        var issuer = IssuingRoot.Of(cluster).CertificatePem;
        if (!caller.Standby || (context as ServerCall)?.Connection is not ClusterPeer { Certificate: { } shown } || ClusterRoots.Parse(issuer.Span).Check(shown, time.GetUtcNow()) is not null)
            return;
        var says = CertificateIssuer.Of(issuer).TlsInfo(trusted: cluster.RootCa.CaCert);
        if (!says.Equals(caller.TlsInfo))
            await SubmitAsync(new ManagerCertified(caller.Id, says), context).ConfigureAwait(false);
    }

    private (Cluster Cluster, State.Manager Caller) Caller(ServerCallContext context)
    {
        var id = context.GetNode().NodeId;
        return manager.Store.Read(state => (state.Cluster, state.Managers.GetValueOrDefault(id))) is ({ } cluster, { } caller)
            ? (cluster, caller)
            : throw refusals.Refuse(context, StatusCode.PermissionDenied, $"Permission denied: node {id} was removed from swarm");
    }

    private async Task<ByteString> SignAsync(ServerCallContext context, Cluster cluster, ByteString csr, State.Manager manager)
    {
        try
        {
            var identity = new NodeIdentity(manager.Id, manager.Standby ? NodeRole.Worker : NodeRole.Manager, cluster.Id);
            return await signer.SignAsync(cluster, csr, identity, context.CancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (SigningRefusal.Of(e) is { } refusal)
        {
            throw refusals.Refuse(context, refusal.StatusCode, refusal.Detail);
        }
    }

    /// <summary>So that a manager's keys are locked before they are first on its disk. One that stands by has nothing to lock.</summary>
    private static (ByteString Key, ulong Version) UnlockKeyFor(State.Manager manager, Cluster cluster) =>
        (manager.Standby ? ByteString.Empty : ByteString.CopyFrom(UnlockKey.Of(cluster).Span), cluster.Meta.Version.Index);

    private async Task SubmitAsync(Input<None> input, ServerCallContext context)
    {
        try
        {
            await manager.SubmitAsync(input, context.CancellationToken).ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            throw e.ToRpc();
        }
    }

    private static List<Peer> Peers(ClusterState state) =>
        [.. state.Managers.Values.Where(manager => manager.IsMember).Select(manager => new Peer { RaftId = manager.RaftId, Addr = manager.Addr })];
}
