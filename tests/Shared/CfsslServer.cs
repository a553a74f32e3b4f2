using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Skep.Tests;

/// <summary>An external CA as CFSSL serves one: signs what a client with a certificate asks for, over HTTPS.</summary>
internal sealed class CfsslServer : IAsyncDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private readonly WebApplication _application;

    private CfsslServer(IPAddress address, DateTimeOffset now)
    {
        Now = () => now;
        var request = new CertificateRequest("CN=swarm-ca", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.Create(request.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), now.AddHours(-1), now.AddYears(10), [0x40, 1]);
        RootPem = _root.ExportCertificatePem() + "\n";

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(address, 0, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = ServerCertificate(address);
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.ClientCertificateValidation = (client, _, _) =>
            {
                Clients.Add(client.Subject);
                return true;
            };
        })));
        _application = builder.Build();
        _application.MapPost("/api/v1/cfssl/sign", AnswerAsync);
    }

    /// <summary>The root of which it has the key.</summary>
    public string RootPem { get; }

    /// <summary>The key of that root.</summary>
    public string KeyPem => _key.ExportPkcs8PrivateKeyPem();

    /// <summary>For --external-ca.</summary>
    public string Url { get; private set; } = "";

    public Func<DateTimeOffset> Now { get; set; }

    /// <summary>The signing requests that came.</summary>
    public List<JsonElement> Requests { get; } = [];

    /// <summary>The subjects of the certificates that clients showed.</summary>
    public List<string> Clients { get; } = [];

    /// <summary>Answers instead of the server; null: it signs.</summary>
    public Func<HttpContext, Task>? Instead { get; set; }

    public static async Task<CfsslServer> StartAsync(IPAddress address, DateTimeOffset now)
    {
        var server = new CfsslServer(address, now);
        await server._application.StartAsync();
        server.Url = $"{server._application.Urls.Single()}/api/v1/cfssl/sign";
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _root.Dispose();
        _key.Dispose();
    }

    /// <summary>As the server signs.</summary>
    public string Sign(JsonElement json)
    {
        var csr = CertificateRequest.LoadSigningRequestPem(json.GetProperty("certificate_request").GetString()!, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        var subject = new X500DistinguishedNameBuilder();
        foreach (var name in json.GetProperty("subject").GetProperty("names").EnumerateArray())
        {
            if (name.TryGetProperty("O", out var organization)) subject.AddOrganizationName(organization.GetString()!);
            if (name.TryGetProperty("OU", out var unit)) subject.AddOrganizationalUnitName(unit.GetString()!);
        }
        // As Go writes it: a linked root must have the very bytes of the root's own subject.
        subject.Add("2.5.4.3", json.GetProperty("subject").GetProperty("CN").GetString()!, UniversalTagNumber.PrintableString);
        var isAuthority = json.GetProperty("profile").GetString() == "CA";
        var request = new CertificateRequest(subject.Build(), csr.PublicKey, HashAlgorithmName.SHA256);
        if (isAuthority)
        {
            foreach (var extension in json.GetProperty("extensions").EnumerateArray())
                request.CertificateExtensions.Add(new X509Extension(extension.GetProperty("id").GetString()!, Convert.FromHexString(extension.GetProperty("value").GetString()!), extension.GetProperty("critical").GetBoolean()));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        }
        else
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
            var names = new SubjectAlternativeNameBuilder();
            foreach (var host in json.GetProperty("hosts").EnumerateArray())
                names.AddDnsName(host.GetString()!);
            request.CertificateExtensions.Add(names.Build());
        }
        return Issue(request, TimeSpan.FromDays(isAuthority ? 3650 : 30));
    }

    public static Task SucceedAsync(HttpContext http, string certificatePem) =>
        http.Response.WriteAsJsonAsync(new { success = true, result = new { certificate = certificatePem }, errors = Array.Empty<string>(), messages = Array.Empty<string>() });

    private async Task AnswerAsync(HttpContext http)
    {
        var json = await JsonSerializer.DeserializeAsync<JsonElement>(http.Request.Body);
        Requests.Add(json);
        await (Instead is { } instead ? instead(http) : SucceedAsync(http, Sign(json)));
    }

    private string Issue(CertificateRequest request, TimeSpan lifetime)
    {
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_root, true, false));
        var now = Now();
        using var certificate = request.Create(_root.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), now.AddMinutes(-5), now + lifetime, [0x40, .. RandomNumberGenerator.GetBytes(15)]);
        return certificate.ExportCertificatePem() + "\n";
    }

    private X509Certificate2 ServerCertificate(IPAddress address)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=external CA", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(address);
        request.CertificateExtensions.Add(names.Build());
        return X509Certificate2.CreateFromPem(Issue(request, TimeSpan.FromDays(3650)), key.ExportECPrivateKeyPem());
    }
}
