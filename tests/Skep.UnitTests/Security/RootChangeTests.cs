using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Skep.Manager;
using Skep.Security;
using Skep.Security.Keys;
using Skep.Wire;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Security;

/// <summary>What an update makes of the root, with keys alone; external CAs: ExternalAuthorityTests.</summary>
public sealed class RootChangeTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("skep-root-change-");
    private readonly Cluster _cluster;
    private readonly RootChange _change;

    public RootChangeTests()
    {
        _cluster = ClusterFactory.Create(new ClusterSettings(), _time.GetUtcNow());
        using var root = RootCertificateAuthority.Load(_cluster.RootCa.CaCert, _cluster.RootCa.CaKey);
        var certificate = ManagerCertificate.Create(_directory.FullName, ManagerKeys.Create(_directory.FullName, default, 0), root, "managerid", _cluster.Id, TimeSpan.FromDays(90), _time.GetUtcNow());
        _change = new RootChange(certificate, _time, NullLogger<RootChange>.Instance);
    }

    public void Dispose()
    {
        _change.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Nothing_asked_for_changes_nothing() => Assert.Same(_cluster.RootCa, await PrepareAsync(_ => { }));

    [Fact]
    public async Task A_forced_rotation_makes_a_root_and_links_it_to_the_present_one()
    {
        var after = await PrepareAsync(ca => ca.ForceRotate = 5);

        Assert.Equal(5ul, after.LastForcedRotation);
        Assert.Equal(_cluster.RootCa.CaCert, after.CaCert);
        Assert.Equal(_cluster.RootCa.JoinTokens, after.JoinTokens);
        using var next = RootCertificateAuthority.Load(after.RootRotation.CaCert, after.RootRotation.CaKey);
        using var link = X509Certificate2.CreateFromPem(after.RootRotation.CrossSignedCaCert.ToStringUtf8());
        Assert.Null(ClusterRoots.Parse(_cluster.RootCa.CaCert.Span).Check(link, _time.GetUtcNow()));
        Assert.NotEqual(_cluster.RootCa.CaCert, next.CertificatePem);
    }

    [Fact]
    public async Task A_root_of_the_users_own_is_taken_as_it_is()
    {
        using var own = RootCertificateAuthority.Create(_time.GetUtcNow());

        var after = await PrepareAsync(own.CertificatePem, own.KeyPem);

        Assert.Equal(own.CertificatePem, after.RootRotation.CaCert);
        Assert.Equal(own.KeyPem, after.RootRotation.CaKey);
    }

    [Fact]
    public async Task The_present_root_calls_a_rotation_off_and_the_next_one_keeps_its_link()
    {
        using var own = RootCertificateAuthority.Create(_time.GetUtcNow());
        var present = _cluster.RootCa;
        _cluster.RootCa = await PrepareAsync(own.CertificatePem, own.KeyPem);

        Assert.Equal(_cluster.RootCa, await PrepareAsync(own.CertificatePem, own.KeyPem));
        Assert.Equal(present, await PrepareAsync(ByteString.CopyFromUtf8("# mine\n" + present.CaCert.ToStringUtf8() + "\n\n"), present.CaKey));
    }

    [Fact]
    public async Task A_second_rotation_is_linked_to_the_present_root_and_not_to_the_first()
    {
        _cluster.RootCa = await PrepareAsync(ca => ca.ForceRotate++);
        var first = _cluster.RootCa.RootRotation;
        _cluster.Spec.CaConfig.ForceRotate = 1;

        var after = await PrepareAsync(ca => ca.ForceRotate++);

        Assert.NotEqual(first.CaCert, after.RootRotation.CaCert);
        using var link = X509Certificate2.CreateFromPem(after.RootRotation.CrossSignedCaCert.ToStringUtf8());
        Assert.Null(ClusterRoots.Parse(_cluster.RootCa.CaCert.Span).Check(link, _time.GetUtcNow()));
    }

    [Fact]
    public async Task Impossible_roots_are_refused_in_stocks_words()
    {
        using var own = RootCertificateAuthority.Create(_time.GetUtcNow());
        using var other = RootCertificateAuthority.Create(_time.GetUtcNow());
        using var old = RootCertificateAuthority.Create(_time.GetUtcNow().AddYears(-19).AddDays(-1));
        using var future = RootCertificateAuthority.Create(_time.GetUtcNow().AddDays(1));
        var two = ByteString.CopyFrom([.. own.CertificatePem.Span, .. other.CertificatePem.Span]);
        var present = _cluster.RootCa;
        var sameKey = Longer(present);

        await RefusedAsync(ByteString.Empty, own.KeyPem, "if a signing CA key is provided, the signing CA cert must also be provided");
        await RefusedAsync(ByteString.CopyFromUtf8("garbage"), own.KeyPem, "no valid root CA certificates found");
        await RefusedAsync(own.CertificatePem, other.KeyPem, "certificate key mismatch");
        await RefusedAsync(own.CertificatePem, ByteString.CopyFromUtf8("garbage"), "malformed private key");
        await RefusedAsync(two, own.KeyPem, "the desired CA certificate cannot contain multiple certificates");
        await RefusedAsync(old.CertificatePem, old.KeyPem, "CA certificate expires too soon");
        await RefusedAsync(future.CertificatePem, future.KeyPem, "error while validating Root CA Certificate: certificate has expired or is not yet valid");
        await RefusedAsync(sameKey, present.CaKey, "Cannot update to a cert with an identical key");
        await RefusedAsync(own.CertificatePem, ByteString.Empty, "there must be at least one valid, reachable external CA corresponding to the desired CA certificate");
    }

    /// <summary>The same root for more years.</summary>
    private static ByteString Longer(RootCA root)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(root.CaKey.ToStringUtf8());
        using var certificate = X509Certificate2.CreateFromPem(root.CaCert.ToStringUtf8());
        var request = new CertificateRequest(certificate.SubjectName, key, HashAlgorithmName.SHA256);
        foreach (var extension in certificate.Extensions)
            request.CertificateExtensions.Add(extension);
        using var longer = request.CreateSelfSigned(certificate.NotBefore, certificate.NotAfter.AddYears(1));
        return ByteString.CopyFromUtf8(longer.ExportCertificatePem() + "\n");
    }

    private Task<RootCA> PrepareAsync(ByteString certificate, ByteString key) => PrepareAsync(ca =>
    {
        ca.SigningCaCert = certificate;
        ca.SigningCaKey = key;
    });

    private Task<RootCA> PrepareAsync(Action<CAConfig> change)
    {
        var wanted = _cluster.Spec.CaConfig.Clone();
        change(wanted);
        return _change.PrepareAsync(_cluster, wanted, CancellationToken.None);
    }

    private async Task RefusedAsync(ByteString certificate, ByteString key, string message)
    {
        var refusal = await Assert.ThrowsAsync<ControlException>(() => PrepareAsync(certificate, key));
        Assert.Equal(message, refusal.Message);
        Assert.Equal(ControlError.InvalidArgument, refusal.Error);
    }
}
