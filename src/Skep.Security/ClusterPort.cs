using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

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

    /// <summary>First byte of a TLS connection: a handshake record.</summary>
    private const byte TlsHandshakeRecord = 0x16;

    /// <summary>Makes a Kestrel endpoint the cluster port.</summary>
    public void Configure(ListenOptions listen)
    {
        ArgumentNullException.ThrowIfNull(listen);
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(next => connection => GuardAsync(next, connection));
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = HandshakeTimeout,
            OnConnection = context => ValueTask.FromResult(Options(context.Connection)),
        });
        listen.Use(next => connection =>
        {
            connection.Features.Set(Handshaken.Yes);
            connection.Features.Get<IDisposable>()?.Dispose(); // its place in the queue
            if (connection.Features.Get<ITlsApplicationProtocolFeature>() is not { ApplicationProtocol.IsEmpty: false })
                connection.Features.Set<ITlsApplicationProtocolFeature>(AssumedHttp2.Instance);
            return next(connection);
        });
    }

    private SslServerAuthenticationOptions Options(ConnectionContext connection) => new()
    {
        ServerCertificateContext = certificate.Context,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        // Requires that the client is asked for one; the callback lets those without pass.
        ClientCertificateRequired = true,
        CertificateChainPolicy = trust.Roots.Policy(trust.Now),
        RemoteCertificateValidationCallback = (_, presented, chain, errors) => presented is null || Accept(connection, (X509Certificate2)presented, chain, errors),
        // Connections live for weeks, so resuming saves nothing; and every certificate is judged by today's roots.
        AllowTlsResume = false,
    };

    private bool Accept(ConnectionContext connection, X509Certificate2 presented, X509Chain? chain, SslPolicyErrors errors)
    {
        string? flaw = null;
        if (errors != SslPolicyErrors.None)
            flaw = chain is null ? errors.ToString() : Wire.ClusterRoots.Flaw(chain);
        var peer = trust.Accept(presented, IntermediatesOf(chain), flaw);
        connection.Features.Set(peer);
        if (flaw is null)
            return true;
        refusals.Connection(connection.RemoteEndPoint, $"its certificate ({presented.Subject}) is not trusted: {flaw}");
        return false;
    }

    /// <summary>Copies: those of the handshake end with it.</summary>
    private static X509Certificate2Collection? IntermediatesOf(X509Chain? chain)
    {
        if (chain is null || chain.ChainPolicy.ExtraStore.Count == 0)
            return null;
        return [.. chain.ChainPolicy.ExtraStore.Select(certificate => X509CertificateLoader.LoadCertificate(certificate.RawData))];
    }

    /// <summary>Kestrel itself is silent about handshakes that fail; an operator wants to know who knocked, and with what.</summary>
    private async Task GuardAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        switch (await FirstByteAsync(connection).ConfigureAwait(false))
        {
            case null:
                // Opened and closed without a word: health checks of load balancers do that all day.
                logger.LogDebug("a connection from {Address} was closed before it said anything", connection.RemoteEndPoint);
                return;
            case TlsHandshakeRecord:
                break;
            case { } other:
                refusals.Connection(connection.RemoteEndPoint, $"it does not speak TLS (it begins with byte 0x{other:x2})");
                connection.Abort(new ConnectionAbortedException("not TLS"));
                return;
        }
        try
        {
            using var place = await _handshakes.EnterAsync(connection.ConnectionClosed).ConfigureAwait(false);
            connection.Features.Set(place);
            await next(connection).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (connection.ConnectionClosed.IsCancellationRequested && !IsHandshaken(connection))
        {
            logger.LogDebug("a connection from {Address} was closed before its handshake", connection.RemoteEndPoint);
            return;
        }
        catch (Exception e) when (!IsHandshaken(connection))
        {
            // Some kinds of garbage make the TLS library fail in ways that Kestrel takes for a fault of its own.
            logger.LogDebug(e, "the TLS handshake with {Address} failed: {Reason}", connection.RemoteEndPoint, e.Message);
        }
        var alreadyLogged = connection.Features.Get<VerifiedPeer>() is { Flaw: not null };
        if (!IsHandshaken(connection) && !alreadyLogged)
            refusals.Connection(connection.RemoteEndPoint, "the TLS handshake failed (TLS 1.2 or newer and HTTP/2 are needed)");
    }

    private static bool IsHandshaken(ConnectionContext connection) => connection.Features.Get<Handshaken>() is not null;

    private static async Task<byte?> FirstByteAsync(ConnectionContext connection)
    {
        using var timeout = new CancellationTokenSource(HandshakeTimeout);
        try
        {
            var read = await connection.Transport.Input.ReadAsync(timeout.Token).ConfigureAwait(false);
            byte? first = read.Buffer.IsEmpty ? null : read.Buffer.FirstSpan[0];
            // Nothing is consumed: TLS reads it again.
            connection.Transport.Input.AdvanceTo(read.Buffer.Start);
            return first;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            return null;
        }
    }

    /// <summary>
    /// Engines negotiate HTTP/2 until they renew their certificate; from then on (their renewed TLS settings lack it) they just speak
    /// it, which Go's servers allow. What is not HTTP/2 fails at its first bytes.
    /// </summary>
    private sealed class AssumedHttp2 : ITlsApplicationProtocolFeature
    {
        public static readonly AssumedHttp2 Instance = new();

        public ReadOnlyMemory<byte> ApplicationProtocol => SslApplicationProtocol.Http2.Protocol;
    }

    private sealed class Handshaken
    {
        public static readonly Handshaken Yes = new();
    }
}
