using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Skep.EndToEnd.Lab;

/// <summary>A hand-made peer on the cluster port (2377), good or bad: speaks SwarmKit's wire with any certificate or none.</summary>
public static class WireClient
{
    /// <summary>TLS as an engine speaks it, except that any server is believed: the subject of these tests is what the manager checks.</summary>
    [SuppressMessage("Security", "CA5359", Justification = "the server is the one the test itself started")]
    public static SslClientAuthenticationOptions Tls() => new()
    {
        TargetHost = "swarm-manager",
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        RemoteCertificateValidationCallback = static (_, _, _, _) => true,
    };

    /// <summary>A channel to the manager, with a client certificate or none.</summary>
    public static GrpcChannel Channel(string address, X509Certificate2? certificate = null)
    {
        var options = Tls();
        if (certificate is not null)
        {
            options.ClientCertificates = [certificate];
            options.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }
        return GrpcChannel.ForAddress($"https://{address}:2377", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { SslOptions = options, ConnectTimeout = TimeSpan.FromSeconds(5) },
            DisposeHttpClient = true,
            MaxSendMessageSize = null,
        });
    }

    /// <summary>When a call must have ended.</summary>
    public static DateTime Soon => DateTime.UtcNow.AddSeconds(15);

    /// <summary>Joins as an engine would, with a token, and returns the node id and the certificate the manager issued.</summary>
    public static async Task<(string NodeId, X509Certificate2 Certificate)> Join(string address, string token)
    {
        using var channel = Channel(address);
        var ca = new Wire.NodeCA.NodeCAClient(channel);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issued = await ca.IssueNodeCertificateAsync(new Wire.IssueNodeCertificateRequest { Csr = Csr(key), Token = token }, deadline: Soon);
        while (true)
        {
            var status = await ca.NodeCertificateStatusAsync(new Wire.NodeCertificateStatusRequest { NodeId = issued.NodeId }, deadline: Soon);
            if (status.Status.State != Wire.IssuanceStatus.Types.State.Issued) continue;
            return (issued.NodeId, WithKey(X509Certificate2.CreateFromPem(status.Certificate.Certificate_.ToStringUtf8()), key));
        }
    }

    /// <summary>A certificate request in PEM; its names do not matter.</summary>
    public static ByteString Csr(ECDsa key) =>
        ByteString.CopyFromUtf8(new CertificateRequest("CN=any", key, HashAlgorithmName.SHA256).CreateSigningRequestPem());

    /// <summary>A self-signed authority as a cluster has one.</summary>
    public static X509Certificate2 Authority(ECDsa key)
    {
        var request = new CertificateRequest("CN=swarm-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 1, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-10), DateTimeOffset.UtcNow.AddYears(20));
    }

    /// <summary>A node certificate with these names, valid until <paramref name="notAfter"/>, signed by an authority.</summary>
    public static X509Certificate2 Forge(X509Certificate2 authority, string nodeId, string role, string clusterId, DateTimeOffset notAfter)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"O={clusterId},OU={role},CN={nodeId}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(role);
        names.AddDnsName(nodeId);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        return WithKey(request.Create(authority, DateTimeOffset.UtcNow.AddDays(-2), notAfter, RandomNumberGenerator.GetBytes(12)), key);
    }

    private static X509Certificate2 WithKey(X509Certificate2 certificate, ECDsa key)
    {
        using (certificate)
        using (var both = certificate.CopyWithPrivateKey(key))
            return X509CertificateLoader.LoadPkcs12(both.Export(X509ContentType.Pkcs12), null);
    }
}
