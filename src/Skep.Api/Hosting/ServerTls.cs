using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Skep.Api.Hosting;

/// <summary>
/// TLS of the API's TCP addresses, as dockerd's --tlsverify: TLS 1.2 or newer, and only clients whose certificate is signed by the
/// given CA, is in its time and is made for clients. Revocation is not asked: these CAs publish none.
/// </summary>
public sealed class ServerTls
{
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2Collection _clientCas;
    private readonly X509Certificate2 _certificate;
    private readonly X509Certificate2Collection _chain;

    private ServerTls(X509Certificate2Collection clientCas, X509Certificate2 certificate, X509Certificate2Collection chain)
    {
        _clientCas = clientCas;
        _certificate = certificate;
        _chain = chain;
    }

    /// <param name="caFile">PEM with the CA certificates that client certificates are verified against.</param>
    /// <param name="certFile">PEM with the server's certificate and, after it, its intermediates.</param>
    /// <param name="keyFile">PEM with the certificate's private key, unencrypted.</param>
    /// <exception cref="ListenException">A file is missing or holds something else; the message names it.</exception>
    public static ServerTls Load(string caFile, string certFile, string keyFile)
    {
        var cas = Read(caFile, "CA certificates", () =>
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(caFile);
            return all.Count > 0 ? all : throw new CryptographicException("it holds no certificate");
        });
        var chain = Read(certFile, "server certificate", () =>
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(certFile);
            return all.Count > 0 ? all : throw new CryptographicException("it holds no certificate");
        });
        var certificate = Read(keyFile, "private key", () => X509Certificate2.CreateFromPemFile(certFile, keyFile));
        return new ServerTls(cas, certificate, chain);
    }

    internal void Configure(HttpsConnectionAdapterOptions options)
    {
        options.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.ServerCertificate = _certificate;
        options.ServerCertificateChain = _chain;
        options.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
        options.CheckCertificateRevocation = false;
        options.HandshakeTimeout = TimeSpan.FromSeconds(10);
        options.ClientCertificateValidation = (certificate, chain, _) => IsTrusted(certificate, chain?.ChainPolicy.ExtraStore);
    }

    /// <summary>True for a client certificate that the CA file vouches for.</summary>
    internal bool IsTrusted(X509Certificate2 certificate, X509Certificate2Collection? intermediates)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_clientCas);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(ClientAuthentication);
        if (intermediates is not null) chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        return chain.Build(certificate);
    }

    private static T Read<T>(string file, string what, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new ListenException($"cannot read the {what} from {file}: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }
}
