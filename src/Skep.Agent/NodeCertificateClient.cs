using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Skep.Agent.Rpc;
using Skep.Wire;

namespace Skep.Agent;

/// <summary>Gets a node its certificate as an engine does: joins with a token, later renews with the certificate it has.</summary>
/// <param name="time">The clock.</param>
public sealed class NodeCertificateClient(TimeProvider time)
{
    /// <summary>As engines: of each call.</summary>
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>Of the last node that joined: those of the next are most often the same, and need not be read and kept again.</summary>
    private ClusterRoots? _roots;

    /// <summary>Joins a cluster.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="token">SWMTKN-1-…</param>
    /// <param name="availability">Of the new node.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="FormatException">The token is none, or is another cluster's.</exception>
    /// <exception cref="RpcException">The manager refused, or cannot be reached.</exception>
    public async Task<NodeCredentials> JoinAsync(string address, string token, NodeSpec.Types.Availability availability, CancellationToken cancellation)
    {
        var pem = await FetchPemAsync(address, JoinToken.Parse(token), cancellation).ConfigureAwait(false);
        var roots = _roots is { } last && last.Pem.Span.SequenceEqual(pem.Span) ? last : _roots = ClusterRoots.Parse(pem.Span);
        using var connection = await ManagerConnection.OpenAsync(address, ClusterTls.ForNewcomer(roots, time), cancellation).ConfigureAwait(false);
        return await RequestAsync(connection, new IssueNodeCertificateRequest { Token = token, Availability = availability }, roots, cancellation).ConfigureAwait(false);
    }

    /// <summary>Gets a new certificate, with a new key, for the same node.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="credentials">The present ones; they stay valid.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="RpcException">The manager refused, or cannot be reached.</exception>
    public async Task<NodeCredentials> RenewAsync(string address, NodeCredentials credentials, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        using var connection = await ManagerConnection.OpenAsync(address, ClusterTls.ForNode(credentials, time), cancellation).ConfigureAwait(false);
        return await RequestAsync(connection, new IssueNodeCertificateRequest(), credentials.Roots, cancellation).ConfigureAwait(false);
    }

    /// <summary>The cluster's roots, which the token vouches for.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="token">Of the cluster.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="FormatException">The token is another cluster's.</exception>
    /// <exception cref="RpcException">The manager cannot be reached.</exception>
    public static async Task<ClusterRoots> FetchRootsAsync(string address, JoinToken token, CancellationToken cancellation) =>
        ClusterRoots.Parse((await FetchPemAsync(address, token, cancellation).ConfigureAwait(false)).Span);

    private static async Task<ByteString> FetchPemAsync(string address, JoinToken token, CancellationToken cancellation)
    {
        using var connection = await ManagerConnection.OpenAsync(address, ClusterTls.Unverified(), cancellation).ConfigureAwait(false);
        var answer = await CallAsync(connection, RpcMethod.GetRootCertificate, new GetRootCACertificateRequest(), GetRootCACertificateResponse.Parser, cancellation).ConfigureAwait(false);
        return token.IsOf(answer.Certificate.Span) ? answer.Certificate : throw new FormatException("remote CA does not match fingerprint: the join token is of another cluster");
    }

    private async Task<NodeCredentials> RequestAsync(ManagerConnection connection, IssueNodeCertificateRequest request, ClusterRoots roots, CancellationToken cancellation)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        request.Csr = NodeSigningRequest.Create(key);
        var issued = await CallAsync(connection, RpcMethod.IssueNodeCertificate, request, IssueNodeCertificateResponse.Parser, cancellation).ConfigureAwait(false);
        while (true)
        {
            var status = await CallAsync(connection, RpcMethod.NodeCertificateStatus, new NodeCertificateStatusRequest { NodeId = issued.NodeId }, NodeCertificateStatusResponse.Parser, cancellation).ConfigureAwait(false);
            // An answer for another request is the certificate from before.
            if (status.Status?.State is IssuanceStatus.Types.State.Issued or IssuanceStatus.Types.State.Rotate && status.Certificate.Csr.Equals(request.Csr))
                return new NodeCredentials(status.Certificate.Certificate_.Span, key, roots);
            await System.Threading.Tasks.Task.Delay(PollInterval, time, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task<T> CallAsync<T>(ManagerConnection connection, string path, IMessage request, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(CallTimeout);
        await using var _ = limit.Token.Register(() => connection.Fail(new RpcException(cancellation.IsCancellationRequested
            ? new Status(StatusCode.Cancelled, "the call was cancelled")
            : new Status(StatusCode.DeadlineExceeded, "the call was not answered in time")))).ConfigureAwait(false);
        return await new UnaryCall<T>(parser).InvokeAsync(connection, path, request).ConfigureAwait(false);
    }
}
