using System.Security.Cryptography;
using Grpc.Core;
using Skep.Agent;
using Skep.Api.Swarm;
using Skep.Security;
using Skep.Security.Keys;
using Skep.Security.Managers;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Daemon.Swarm;

/// <summary>A skepd's talk with the managers of a cluster about its own part in it.</summary>
/// <param name="certificateDirectory">Where its certificate is kept.</param>
/// <param name="time">The clock.</param>
internal sealed class ManagersClient(string certificateDirectory, TimeProvider time)
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Joins by the first manager that answers; null when it is a stock manager, which knows no skepds.</summary>
    /// <exception cref="SwarmLifecycleException">Refused, none can be reached in this time, or the token is none or another cluster's.</exception>
    public async Task<(JoinReply Reply, ManagerCertificate Certificate)?> JoinAsync(SwarmJoin join, string advertise, TimeSpan limit, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(limit);
        try
        {
            return await JoinAsync(join.RemoteAddrs, join.JoinToken, advertise, timeout.Token).ConfigureAwait(false);
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.InvalidArgument or StatusCode.FailedPrecondition)
        {
            throw new SwarmLifecycleException(LifecycleError.InvalidParameter, $"rpc error: code = {e.StatusCode} desc = {e.Status.Detail}", e);
        }
        catch (RpcException e)
        {
            throw new SwarmLifecycleException(LifecycleError.Unavailable, $"no manager could be reached at {string.Join(", ", join.RemoteAddrs)}: {e.Status.DebugException?.GetBaseException().Message ?? e.Status.Detail}", e);
        }
        catch (FormatException e)
        {
            throw new SwarmLifecycleException(LifecycleError.InvalidParameter, e.Message, e);
        }
    }

    private async Task<(JoinReply Reply, ManagerCertificate Certificate)?> JoinAsync(IReadOnlyList<string> remotes, string token, string advertise, CancellationToken cancellation)
    {
        RpcException? unreachable = null;
        foreach (var remote in remotes)
        {
            try
            {
                return await JoinAtAsync(remote, token, advertise, cancellation).ConfigureAwait(false);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
            {
                return null;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
            {
                unreachable = e;
            }
        }
        throw unreachable ?? new RpcException(new Status(StatusCode.InvalidArgument, "no manager's address was given"));
    }

    /// <summary>Gets a new certificate in the role that the cluster gives to this skepd now.</summary>
    /// <exception cref="RpcException">Refused, or the manager cannot be reached.</exception>
    public async Task<ManagerCertificate> RenewAsync(ChannelBase channel, ManagerKeys keys, CancellationToken cancellation)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var reply = await new Managers.ManagersClient(channel).RenewAsync(new RenewRequest { Csr = NodeSigningRequest.Create(key) }, deadline: Deadline(), cancellationToken: cancellation).ConfigureAwait(false);
        keys.Relock(reply.UnlockKey.Memory, reply.ClusterVersion);
        return ManagerCertificate.Install(certificateDirectory, keys, reply.Roots.Span, reply.Certificate.Span, key);
    }

    /// <summary>A manager answered that this skepd belongs to the cluster no more.</summary>
    public static bool IsRemoval(RpcException refusal) =>
        refusal.StatusCode == StatusCode.PermissionDenied && refusal.Status.Detail.Contains("was removed from swarm", StringComparison.Ordinal);

    /// <summary>What this skepd is in the cluster at this moment.</summary>
    /// <exception cref="RpcException">Refused (PermissionDenied: it was removed), or the manager cannot be reached.</exception>
    public static async Task<WatchReply> AskAsync(ChannelBase channel, CancellationToken cancellation)
    {
        using var call = new Managers.ManagersClient(channel).Watch(new WatchRequest(), deadline: Deadline(), cancellationToken: cancellation);
        return await call.ResponseStream.MoveNext(cancellation).ConfigureAwait(false) ? call.ResponseStream.Current : throw new RpcException(new Status(StatusCode.Unavailable, "no answer"));
    }

    public static async Task ReportAsync(ChannelBase channel, string nodeId, string address, CancellationToken cancellation) =>
        await new Managers.ManagersClient(channel).ReportAsync(new ReportRequest { NodeId = nodeId, Addr = address }, deadline: Deadline(), cancellationToken: cancellation).ConfigureAwait(false);

    public static async Task LeaveAsync(ChannelBase channel, CancellationToken cancellation) =>
        await new Managers.ManagersClient(channel).LeaveAsync(new LeaveRequest(), deadline: Deadline(), cancellationToken: cancellation).ConfigureAwait(false);

    private async Task<(JoinReply, ManagerCertificate)?> JoinAtAsync(string remote, string token, string advertise, CancellationToken cancellation)
    {
        var roots = await NodeCertificateClient.FetchRootsAsync(remote, JoinToken.Parse(token), cancellation).ConfigureAwait(false);
        using var channel = ClusterChannel.ForNewcomer(remote, roots, time);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var reply = await new Managers.ManagersClient(channel)
            .JoinAsync(new JoinRequest { Token = token, Csr = NodeSigningRequest.Create(key), Addr = advertise }, deadline: Deadline(), cancellationToken: cancellation).ConfigureAwait(false);
        var keys = ManagerKeys.Create(certificateDirectory, reply.UnlockKey.Memory, reply.ClusterVersion);
        return (reply, ManagerCertificate.Install(certificateDirectory, keys, reply.Roots.Span, reply.Certificate.Span, key));
    }

    // gRPC's deadlines run by the machine's clock.
    private static DateTime Deadline() => DateTime.UtcNow + CallTimeout;
}
