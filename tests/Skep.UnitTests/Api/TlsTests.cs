using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Api.Engine;
using Skep.Api.Hosting;
using Xunit;

namespace Skep.UnitTests.Api;

public sealed class TlsTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("skep-tls");
    private readonly X509Certificate2 _ca = Ca("our ca");
    private readonly ApiHost _host;

    public TlsTests()
    {
        using var server = Signed(_ca, "server", "1.3.6.1.5.5.7.3.1", Now.AddDays(1));
        _host = new ApiHost(
            new ApiHostOptions
            {
                Listen = [new ListenAddress.Tcp(IPAddress.Loopback, 0)],
                Engine = EngineAddress.None,
                Tls = ServerTls.Load(Write("ca.pem", _ca.ExportCertificatePem()), Write("cert.pem", server.ExportCertificatePem()), Write("key.pem", server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem())),
                DrainTime = TimeSpan.FromMilliseconds(200),
            },
            NullLoggerFactory.Instance);
    }

    [Fact]
    public async Task Only_certificates_of_our_ca_in_their_time_and_for_clients_are_let_in()
    {
        await _host.StartAsync();
        using var foreignCa = Ca("our ca"); // same name, other key
        const string client = "1.3.6.1.5.5.7.3.2";
        Assert.Equal("OK", await PingAsync(Signed(_ca, "good", client, Now.AddDays(1))));
        Assert.Equal("OK", await PingAsync(Signed(_ca, "good", client, Now.AddDays(1)), SslProtocols.Tls12));
        Assert.Null(await PingAsync(null));
        Assert.Null(await PingAsync(null, SslProtocols.Tls12));
        Assert.Null(await PingAsync(Signed(foreignCa, "foreign", client, Now.AddDays(1))));
        Assert.Null(await PingAsync(Signed(_ca, "expired", client, Now.AddHours(-1))));
        Assert.Null(await PingAsync(Signed(_ca, "a server", "1.3.6.1.5.5.7.3.1", Now.AddDays(1))));
#pragma warning disable SYSLIB0039, CA5397 // that TLS 1.1 is refused is what is tested
        Assert.Null(await PingAsync(Signed(_ca, "good", client, Now.AddDays(1)), SslProtocols.Tls11));
#pragma warning restore SYSLIB0039, CA5397
    }

    [Fact]
    public void A_missing_or_wrong_file_is_named()
    {
        var ca = Write("x.pem", _ca.ExportCertificatePem());
        var empty = Write("empty.pem", "");
        Assert.Contains("/nosuch.pem", Assert.Throws<ListenException>(() => ServerTls.Load("/nosuch.pem", ca, ca)).Message);
        Assert.Contains(empty, Assert.Throws<ListenException>(() => ServerTls.Load(empty, ca, ca)).Message);
        Assert.Contains("private key", Assert.Throws<ListenException>(() => ServerTls.Load(ca, ca, ca)).Message);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _ca.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>The answer to a ping; null when the client is not let in.</summary>
    private async Task<string?> PingAsync(X509Certificate2? certificate, SslProtocols protocols = SslProtocols.None)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(_host.TcpEndPoints.Single());
        await using var tls = new SslStream(tcp.GetStream());
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                EnabledSslProtocols = protocols,
                ClientCertificates = certificate is null ? null : [certificate],
                RemoteCertificateValidationCallback = (_, server, _, _) => server?.Subject == "CN=server",
            });
            await FakeEngine.SendAsync(tls, "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            var answer = await FakeEngine.ReadToEndAsync(tls).WaitAsync(TimeSpan.FromSeconds(5));
            return answer.Length == 0 ? null : answer[^2..];
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return null;
        }
    }

    private string Write(string name, string pem)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, pem);
        return path;
    }

    private static X509Certificate2 Ca(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Now.AddDays(-2), Now.AddDays(2));
    }

    private static X509Certificate2 Signed(X509Certificate2 ca, string name, string usage, DateTimeOffset until)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        using var certificate = request.Create(ca, Now.AddDays(-1), until, RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }
}
