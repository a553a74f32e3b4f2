using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Skep.Wire;

namespace Skep.Security.Managers;

/// <summary>
/// The way from one manager to another: the cluster port, with both sides' certificates checked. Certificate and roots are looked up
/// for each connection, and new calls go over connections that show today's certificate, so that a channel outlives their renewal.
/// </summary>
public static class ManagerChannel
{
    /// <summary>Snapshots come in parts, entries of the log are at most 16 MB, answers to reads may be as large.</summary>
    private const int MaxMessageBytes = 64 << 20;

    /// <summary>Managers are near each other; a host that is gone must not hold up an election.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    /// <summary>A connection whose other end hangs is given up after two of them.</summary>
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(3);

    /// <param name="address">host:port.</param>
    /// <param name="certificate">This manager's.</param>
    /// <param name="trust">Judges the other one.</param>
    public static GrpcChannel Open(string address, ManagerCertificate certificate, ClusterTrust trust)
    {
        return GrpcChannel.ForAddress($"http://{address}", new GrpcChannelOptions
        {
            HttpHandler = new TodaysConnections(certificate, () => NewConnections(certificate, trust)),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaxMessageBytes,
            MaxSendMessageSize = MaxMessageBytes,
        });
    }

    private static SocketsHttpHandler NewConnections(ManagerCertificate certificate, ClusterTrust trust) => new()
    {
        ConnectTimeout = ConnectTimeout,
        KeepAlivePingDelay = PingInterval,
        KeepAlivePingTimeout = PingInterval,
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        EnableMultipleHttp2Connections = true,
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(10),
        // Managers speak to each other and to nobody in between.
        UseProxy = false,
        // TLS is made here, by rules of our own for whom the other side may be.
        ConnectCallback = (context, cancellation) => ConnectAsync(context.DnsEndPoint, certificate, trust, cancellation),
    };

    private static async ValueTask<Stream> ConnectAsync(System.Net.DnsEndPoint address, ManagerCertificate certificate, ClusterTrust trust, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellation).ConfigureAwait(false);
            var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = NodeIdentity.ManagerUnit,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                ClientCertificateContext = certificate.Context,
                RemoteCertificateValidationCallback = (_, presented, chain, _) =>
                    presented is X509Certificate2 other && IsManager(trust.Verify(other, chain?.ChainPolicy.ExtraStore), certificate),
            }, cancellation).ConfigureAwait(false);
            return tls;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsManager(VerifiedPeer peer, ManagerCertificate own) =>
        peer.Flaw is null && peer.Identity is { Role: NodeRole.Manager } identity && identity.ClusterId == own.Identity.ClusterId;
}
