using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Skep.Rpc.Polling;
using Skep.Rpc.Server;
using Skep.Wire;

namespace Skep.Security;

/// <summary>
/// TLS of the cluster port (2377): TLS 1.2 or newer, HTTP/2 only, negotiated or not. A client certificate is optional, since a newcomer has none yet;
/// one that is presented must be of this cluster, or the handshake fails, as with stock managers.
/// </summary>
/// <param name="certificate">What the port shows.</param>
/// <param name="trust">What it accepts.</param>
/// <param name="refusals">One line for every connection that is turned away.</param>
/// <param name="logger">What only debugging needs.</param>
/// <param name="time">The clock.</param>
public sealed class ClusterPort(ManagerCertificate certificate, ClusterTrust trust, RefusalLog refusals, ILogger<ClusterPort> logger, TimeProvider time)
{
    /// <summary>Enough to keep all cores at work while some handshakes wait for the network.</summary>
    private static readonly int HandshakesAtATime = 4 * Environment.ProcessorCount;

    /// <summary>Some ten times what a handshake takes of an idle machine.</summary>
    private static readonly TimeSpan HandshakeWork = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly HandshakeQueue _handshakes = new(HandshakesAtATime, HandshakeWork, time);

    // Linux: getsockopt(IPPROTO_TCP, TCP_INFO) begins with the state of the connection.
    private const int TcpLevel = 6;
    private const int TcpInformation = 11;
    private const int TcpInformationBytes = 8;
    private const byte TcpEstablished = 1;

    /// <summary>First byte of a TLS connection: a handshake record.</summary>
    private const byte TlsHandshakeRecord = 0x16;

    /// <summary>Lets a caller in, or says in the log why not.</summary>
    public async Task<RpcPeer?> AdmitAsync(PolledStream bytes, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        var address = (IPEndPoint)bytes.Socket.RemoteEndPoint!;
        if (address.Address.IsIPv4MappedToIPv6)
            address = new IPEndPoint(address.Address.MapToIPv4(), address.Port);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(HandshakeTimeout);
        switch (await FirstByteAsync(bytes, limit.Token).ConfigureAwait(false))
        {
            case null:
                // Opened and closed without a word: health checks of load balancers do that all day.
                logger.LogDebug("a connection from {Address} was closed before it said anything", address);
                return null;
            case TlsHandshakeRecord:
                return await HandshakeAsync(bytes, address, limit.Token).ConfigureAwait(false);
            case { } other:
                refusals.Connection(address, $"it does not speak TLS (it begins with byte 0x{other:x2})");
                return null;
        }
    }

    private async Task<RpcPeer?> HandshakeAsync(PolledStream bytes, IPEndPoint address, CancellationToken cancellation)
    {
        using var place = await EnterAsync(cancellation).ConfigureAwait(false);
        if (place is null || HasGone(bytes.Socket))
        {
            logger.LogDebug("a connection from {Address} was closed before its handshake", address);
            return null;
        }
        VerifiedPeer? verdict = null;
        // The chain of the handshake ends with it.
        var options = Options((presented, chain, errors) => (verdict = Judge(presented, chain, errors)).Flaw is null);
        var tls = new SslStream(bytes, leaveInnerStreamOpen: false);
        try
        {
            await tls.AuthenticateAsServerAsync(options, cancellation).ConfigureAwait(false);
            return new ClusterPeer(address, bytes, tls, tls.RemoteCertificate as X509Certificate2, verdict);
        }
        catch (Exception e)
        {
            // Some kinds of garbage make the TLS library fail in strange ways.
            logger.LogDebug(e, "the TLS handshake with {Address} failed: {Reason}", address, e.Message);
            refusals.Connection(address, verdict?.Flaw is { } flaw
                ? $"its certificate ({verdict.Subject}) is not trusted: {flaw}"
                : "the TLS handshake failed (TLS 1.2 or newer and HTTP/2 are needed)");
            await tls.DisposeAsync().ConfigureAwait(false);
            return null;
        }
    }

    private async Task<IDisposable?> EnterAsync(CancellationToken cancellation)
    {
        try
        {
            return await _handshakes.EnterAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private SslServerAuthenticationOptions Options(Func<X509Certificate2, X509Chain?, SslPolicyErrors, bool> accept) => new()
    {
        ServerCertificateContext = certificate.Context,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        // Engines negotiate HTTP/2 until they renew their certificate; from then on (their renewed TLS settings lack it) they just speak it, which Go's
        // servers allow.
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        // Requires that the client is asked for one; the callback lets those without pass.
        ClientCertificateRequired = true,
        CertificateChainPolicy = trust.Roots.Policy(trust.Now),
        RemoteCertificateValidationCallback = (_, presented, chain, errors) => presented is null || accept((X509Certificate2)presented, chain, errors),
        // Connections live for weeks, so resuming saves nothing; and every certificate is judged by today's roots.
        AllowTlsResume = false,
    };

    private VerifiedPeer Judge(X509Certificate2 presented, X509Chain? chain, SslPolicyErrors errors)
    {
        string? flaw = null;
        if (errors != SslPolicyErrors.None)
            flaw = chain is null ? errors.ToString() : ClusterRoots.Flaw(chain);
        return trust.Accept(presented, IntermediatesOf(chain), flaw);
    }

    /// <summary>Copies: those of the handshake end with it.</summary>
    private static X509Certificate2Collection? IntermediatesOf(X509Chain? chain)
    {
        if (chain is null || chain.ChainPolicy.ExtraStore.Count == 0)
            return null;
        return [.. chain.ChainPolicy.ExtraStore.Select(certificate => X509CertificateLoader.LoadCertificate(certificate.RawData))];
    }

    private static async Task<byte?> FirstByteAsync(PolledStream bytes, CancellationToken cancellation)
    {
        try
        {
            return await bytes.PeekAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Whoever waited for too long has given up: a handshake with him would be in vain.</summary>
    private static bool HasGone(Socket socket)
    {
        Span<byte> information = stackalloc byte[TcpInformationBytes];
        try
        {
            return socket.GetRawSocketOption(TcpLevel, TcpInformation, information) > 0 && information[0] != TcpEstablished;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
