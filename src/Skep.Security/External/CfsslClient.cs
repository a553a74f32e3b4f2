using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Google.Protobuf;
using Skep.Wire;

namespace Skep.Security.External;

/// <summary>
/// Asks external CAs that speak CFSSL's protocol over HTTPS. The manager shows its own certificate; the authority's must be of
/// the cluster's root, for the name or address in the URL.
/// </summary>
/// <param name="certificate">This manager's.</param>
/// <param name="time">The clock, for the validity of certificates.</param>
internal sealed class CfsslClient(ManagerCertificate certificate, TimeProvider time) : IDisposable
{
    /// <summary>As stock: of one attempt at one authority.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <summary>Engines wait 5 s for their certificate: one authority that is gone must leave time for the next.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    /// <summary>As stock: of an answer.</summary>
    private const int MaxAnswerBytes = 256 * 1024;

    private readonly Lock _opening = new();
    private Connections? _connections;

    /// <summary>Has a request signed by the first of the authorities that does.</summary>
    /// <param name="urls">At least one.</param>
    /// <param name="roots">What the authorities' own certificates must be of.</param>
    /// <param name="request">What to sign.</param>
    /// <param name="cancellation">Ends the attempts.</param>
    /// <returns>The certificate in PEM; what it says is the caller's to check.</returns>
    /// <exception cref="ExternalAuthorityException">None did; the last one's reason.</exception>
    public async Task<ByteString> SignAsync(IReadOnlyList<string> urls, ClusterRoots roots, CfsslRequest request, CancellationToken cancellation)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(request, CfsslJson.Default.CfsslRequest);
        for (var i = 0; ; i++)
        {
            try
            {
                return await AskAsync(ClientFor(roots), urls[i], body, cancellation).ConfigureAwait(false);
            }
            catch (ExternalAuthorityException) when (i + 1 < urls.Count)
            {
                // The next one may do it.
            }
        }
    }

    /// <summary>Null when an authority can be reached and has a certificate of the root; else why not.</summary>
    public async Task<string?> FlawAsync(string url, ClusterRoots roots, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps)
            return "invalid HTTP scheme";
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(Timeout);
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(uri.IdnHost, uri.Port, timeout.Token).ConfigureAwait(false);
            using var tls = new SslStream(socket.GetStream());
            var options = TlsOptions(certificate.Context, roots);
            options.TargetHost = uri.IdnHost;
            await tls.AuthenticateAsClientAsync(options, timeout.Token).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return e is OperationCanceledException ? "it does not answer in time" : e.Message;
        }
    }

    public void Dispose() => _connections?.Client.Dispose();

    private static async Task<ByteString> AskAsync(HttpClient client, string url, byte[] body, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        byte[] answer;
        try
        {
            using var response = await client.PostAsync(new Uri(url), content, cancellation).ConfigureAwait(false);
            answer = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
            if (response.StatusCode != System.Net.HttpStatusCode.OK)
                throw new ExternalAuthorityException($"unexpected status code in CSR response: {(int)response.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or UriFormatException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            var reason = e is OperationCanceledException ? "it does not answer in time" : e.InnerException?.Message ?? e.Message;
            throw new ExternalAuthorityException($"unable to perform certificate signing request to {url}: {reason}", e) { IsUnreachable = e is not HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } };
        }
        return Certificate(answer);
    }

    private static ByteString Certificate(byte[] answer)
    {
        CfsslResponse? response;
        try
        {
            response = JsonSerializer.Deserialize(answer, CfsslJson.Default.CfsslResponse);
        }
        catch (JsonException e)
        {
            throw new ExternalAuthorityException("unable to parse JSON response", e);
        }
        if (response is not { Success: true })
        {
            throw new ExternalAuthorityException(response?.Errors is { Count: > 0 } errors
                ? $"response errors: {string.Join("; ", errors.Select(error => $"{error.Code} {error.Message}"))}"
                : "certificate signing request failed");
        }
        return response.Result.ValueKind == JsonValueKind.Object
            && response.Result.TryGetProperty("certificate", out var pem) && pem.ValueKind == JsonValueKind.String
            ? PemCertificates.Normalize(ByteString.CopyFromUtf8(pem.GetString()!))
            : throw new ExternalAuthorityException("the signing response has no certificate");
    }

    private HttpClient ClientFor(ClusterRoots roots)
    {
        lock (_opening)
        {
            var shown = certificate.Context;
            // The old one is left to the collector: a request may be under way on it.
            if (_connections is null || _connections.Shown != shown || !_connections.Roots.Pem.Span.SequenceEqual(roots.Pem.Span))
                _connections = new Connections(shown, roots, Open(shown, roots));
            return _connections.Client;
        }
    }

    private HttpClient Open(SslStreamCertificateContext shown, ClusterRoots roots) => new(new SocketsHttpHandler
    {
        ConnectTimeout = ConnectTimeout,
        UseProxy = false,
        AllowAutoRedirect = false,
        SslOptions = TlsOptions(shown, roots),
    })
    {
        Timeout = Timeout,
        MaxResponseContentBufferSize = MaxAnswerBytes,
    };

    private SslClientAuthenticationOptions TlsOptions(SslStreamCertificateContext shown, ClusterRoots roots) => new()
    {
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateContext = shown,
        RemoteCertificateValidationCallback = (_, presented, chain, errors) =>
            presented is X509Certificate2 server && (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0
            && roots.Check(server, time.GetUtcNow(), chain?.ChainPolicy.ExtraStore) is null,
    };

    private sealed record Connections(SslStreamCertificateContext Shown, ClusterRoots Roots, HttpClient Client);
}
