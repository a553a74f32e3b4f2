using System.Net.Security;
using System.Net.Sockets;
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
    public static GrpcChannel Unverified(string address) => Open(address, null, NoRoots(), static (_, certificate, _, _) => certificate is not null);

    /// <summary>Without a certificate of one's own: for a newcomer.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="roots">Verified by the token.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static GrpcChannel ForNewcomer(string address, ClusterRoots roots, TimeProvider time) =>
        Open(address, null, Rules(roots, time), Verify(NodeIdentity.CaName));

    /// <summary>With the node's certificate: for everything else.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="credentials">The node's.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static GrpcChannel ForNode(string address, NodeCredentials credentials, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        return Open(address, credentials.TlsContext, Rules(credentials.Roots, time), Verify(NodeIdentity.ManagerUnit));
    }

    // TLS builds a chain in any case: without the system's hundreds of roots, which are of no use here and take most of a handshake's time.
    private static X509ChainPolicy NoRoots() => new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };

    private static X509ChainPolicy Rules(ClusterRoots roots, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(roots);
        ArgumentNullException.ThrowIfNull(time);
        return roots.Policy(time.GetUtcNow());
    }

    // TLS has built the chain by the rules. The server is addressed by its IP, but known by the role in its certificate, so the name is checked here.
    private static RemoteCertificateValidationCallback Verify(string serverName) => (_, certificate, _, errors) =>
        certificate is X509Certificate2 presented && presented.MatchesHostname(serverName) && (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None;

    private static GrpcChannel Open(string address, SslStreamCertificateContext? certificate, X509ChainPolicy rules, RemoteCertificateValidationCallback verify)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = ConnectTimeout,
            // Without a callback of its own, a channel watches its connection with timers, and waits a second or more before it connects again.
            ConnectCallback = ConnectAsync,
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = verify,
                CertificateChainPolicy = rules,
                ClientCertificateContext = certificate,
                // Newcomers have TLS contexts in common, which takes most of the work out of their handshakes. With a certificate there is one connection
                // at a time, and a context for each would only be kept.
                AllowTlsResume = certificate is null,
            },
        };
        return GrpcChannel.ForAddress($"https://{address}", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaxMessageBytes,
        });
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
