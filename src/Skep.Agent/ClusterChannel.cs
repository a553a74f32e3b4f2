using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Skep.Wire;

namespace Skep.Agent;

/// <summary>gRPC channels to a manager, as an engine opens them: TLS 1.2 or newer, trusting the cluster's root and nothing else.</summary>
public static class ClusterChannel
{
    /// <summary>Engines take messages of any size from their managers; this is 128 MiB, far above what managers send.</summary>
    private const int MaxMessageBytes = 128 * 1024 * 1024;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>For asking after the root certificate: the manager is not verified, the answer is (by the token's digest).</summary>
    /// <param name="address">host:port of a manager.</param>
    public static GrpcChannel Unverified(string address) => Open(address, null, static (_, certificate, _, _) => certificate is not null);

    /// <summary>Without a certificate of one's own: for a newcomer.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="roots">Verified by the token.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static GrpcChannel ForNewcomer(string address, ClusterRoots roots, TimeProvider time) =>
        Open(address, null, Verify(roots, NodeIdentity.CaName, time));

    /// <summary>With the node's certificate: for everything else.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="credentials">The node's.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static GrpcChannel ForNode(string address, NodeCredentials credentials, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        return Open(address, credentials, Verify(credentials.Roots, NodeIdentity.ManagerUnit, time));
    }

    // The server is addressed by its IP, but known by the role in its certificate, so the name is checked here.
    private static RemoteCertificateValidationCallback Verify(ClusterRoots roots, string serverName, TimeProvider time) => (_, certificate, chain, _) =>
        certificate is X509Certificate2 presented && presented.MatchesHostname(serverName) && roots.Check(presented, time.GetUtcNow(), chain?.ChainPolicy.ExtraStore) is null;

    private static GrpcChannel Open(string address, NodeCredentials? credentials, RemoteCertificateValidationCallback verify)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout,
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = verify,
                ClientCertificateContext = credentials is null ? null : SslStreamCertificateContext.Create(credentials.Certificate, credentials.Intermediates, offline: true),
            },
        };
        return GrpcChannel.ForAddress($"https://{address}", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaxMessageBytes,
        });
    }
}
