using System.Net.Security;
using System.Net.Sockets;
using Grpc.Net.Client;
using Skep.Wire;

namespace Skep.Agent;

/// <summary>gRPC channels to a manager, as an engine opens them: TLS 1.2 or newer, trusting the cluster's root and nothing else.</summary>
public static class ClusterChannel
{
    /// <summary>Engines take messages of any size from their managers; this is 128 MiB, far above what managers send.</summary>
    internal const int MaxMessageBytes = 128 * 1024 * 1024;

    internal static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>For asking after the root certificate: the manager is not verified, the answer is (by the token's digest).</summary>
    /// <param name="address">host:port of a manager.</param>
    public static GrpcChannel Unverified(string address) => Open(address, ClusterTls.Unverified());

    /// <summary>Without a certificate of one's own: for a newcomer.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="roots">Verified by the token.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static GrpcChannel ForNewcomer(string address, ClusterRoots roots, TimeProvider time) =>
        Open(address, ClusterTls.ForNewcomer(roots, time));

    /// <summary>With the node's certificate: for everything else.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="credentials">The node's.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static GrpcChannel ForNode(string address, NodeCredentials credentials, TimeProvider time) =>
        Open(address, ClusterTls.ForNode(credentials, time));

    private static GrpcChannel Open(string address, SslClientAuthenticationOptions tls)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = ConnectTimeout,
            // Without a callback of its own, a channel watches its connection with timers, and waits a second or more before it connects again.
            ConnectCallback = ConnectAsync,
            SslOptions = tls,
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
