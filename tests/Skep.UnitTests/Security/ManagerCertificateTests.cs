using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Skep.Manager;
using Skep.Security;
using Skep.Security.Keys;
using Skep.State;
using Skep.UnitTests.Dispatch;
using Xunit;

namespace Skep.UnitTests.Security;

[SupportedOSPlatform("linux")]
public sealed class ManagerCertificateTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("skep-certificates-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly Wire.Cluster _cluster;
    private readonly RootCertificateAuthority _root;
    private readonly ManagerKeys _keys;

    public ManagerCertificateTests()
    {
        _cluster = ClusterFactory.Create(new ClusterSettings(), _time.GetUtcNow());
        _root = RootCertificateAuthority.Load(_cluster.RootCa.CaCert, _cluster.RootCa.CaKey);
        _keys = ManagerKeys.Create(Folder, default, 0);
    }

    private string CertificatePath => Path.Combine(Folder, "swarm-node.crt");

    private string Folder => Path.Combine(_directory.FullName, "certificates");

    public void Dispose()
    {
        _root.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public void A_stored_certificate_is_found_again()
    {
        var made = Create();

        var loaded = ManagerCertificate.Load(Folder, default);

        Assert.Equal(new Wire.NodeIdentity("managerid", Wire.NodeRole.Manager, _cluster.Id), loaded.Identity);
        Assert.Equal(made.Certificate.SerialNumber, loaded.Certificate.SerialNumber);
        Assert.True(loaded.Certificate.HasPrivateKey);
        Assert.Equal(_root.CertificatePem, loaded.RootPem);
    }

    [Fact]
    public void Only_the_owner_can_read_the_files()
    {
        Create();

        Assert.Equal(["swarm-node.crt", "swarm-node.keys", "swarm-root-ca.crt"], Directory.GetFiles(Folder).Select(f => Path.GetFileName(f)!).Order());
        Assert.All(Directory.GetFiles(Folder), file => Assert.Equal(OwnerOnly, File.GetUnixFileMode(file)));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_crash_in_the_middle_of_a_renewal_leaves_a_usable_pair(bool certificateWasWritten)
    {
        var old = Create().Certificate.SerialNumber;
        var oldPem = File.ReadAllText(CertificatePath);
        var oldKey = _keys.PrivateKeys.Single();
        var certificate = ManagerCertificate.Load(Folder, default);
        certificate.Renew(_root, _time.GetUtcNow());
        var renewed = certificate.Certificate.SerialNumber;

        // The order of a renewal: the new key beside the old one, then the certificate, then the old key goes.
        certificate.Keys.SetPrivateKeys([certificate.Keys.PrivateKeys.Single(), oldKey]);
        if (!certificateWasWritten)
            File.WriteAllText(CertificatePath, oldPem);
        var left = ManagerCertificate.Load(Folder, default);

        Assert.Equal(certificateWasWritten ? renewed : old, left.Certificate.SerialNumber);
        left.Renew(_root, _time.GetUtcNow());
        Assert.Single(ManagerKeys.Open(Folder, default).PrivateKeys);
    }

    [Fact]
    public void A_key_of_another_certificate_is_refused_by_name()
    {
        Create();
        using var other = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        _keys.SetPrivateKeys([other.ExportECPrivateKeyPem()]);

        Assert.Contains("no key in swarm-node.keys is that of", Assert.Throws<InvalidManagerCertificateException>(() => ManagerCertificate.Load(Folder, default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_or_missing_certificate_is_refused()
    {
        Assert.Throws<InvalidManagerCertificateException>(() => ManagerCertificate.Load(Folder, default));
        Create();
        File.WriteAllText(Path.Combine(Folder, "swarm-node.crt"), "garbage");
        Assert.Throws<InvalidManagerCertificateException>(() => ManagerCertificate.Load(Folder, default));
        Create();
        File.Delete(Path.Combine(Folder, "swarm-root-ca.crt"));
        Assert.Throws<InvalidManagerCertificateException>(() => ManagerCertificate.Load(Folder, default));
    }

    [Fact]
    public async Task It_is_renewed_between_half_and_four_fifths_of_its_life()
    {
        await using var manager = new InMemoryManager(_time);
        manager.Commit(new Mutation { PutCluster = new PutCluster { Cluster = _cluster.Clone() } });
        var certificate = Create();
        using var signer = new CertificateSigner(certificate, _time);
        var first = certificate.Certificate.SerialNumber;
        using var log = new LogLines();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var stop = new CancellationTokenSource();
        var running = new ManagerCertificateRenewal(certificate, manager, signer, _time, new Random(7), factory.CreateLogger<ManagerCertificateRenewal>()).RunAsync(stop.Token);

        for (var day = 0; day < 44; day++)
            _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(first, certificate.Certificate.SerialNumber);
        for (var day = 44; day < 73 && certificate.Certificate.SerialNumber == first; day++)
        {
            _time.Advance(TimeSpan.FromDays(1));
            await Task.Delay(20);
        }

        await log.ExpectAsync("Information", "certificate was renewed");
        Assert.NotEqual(first, certificate.Certificate.SerialNumber);
        Assert.Equal(certificate.Certificate.SerialNumber, ManagerCertificate.Load(Folder, default).Certificate.SerialNumber);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_renewal_that_fails_is_tried_again_every_ten_seconds_and_no_sooner()
    {
        await using var manager = new InMemoryManager(_time);
        var broken = _cluster.Clone();
        broken.RootCa.CaKey = Google.Protobuf.ByteString.CopyFromUtf8("no key");
        manager.Commit(new Mutation { PutCluster = new PutCluster { Cluster = broken } });
        var certificate = Create();
        var serial = certificate.Certificate.SerialNumber;
        using var signer = new CertificateSigner(certificate, _time);
        using var log = new LogLines();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var stop = new CancellationTokenSource();
        _time.Advance(TimeSpan.FromDays(80));
        var running = new ManagerCertificateRenewal(certificate, manager, signer, _time, new Random(7), factory.CreateLogger<ManagerCertificateRenewal>()).RunAsync(stop.Token);

        await log.ExpectAsync("Error", "could not be renewed: malformed private key; trying again in 10 s");
        await Task.Delay(200);
        Assert.Single(log.All);
        manager.Commit(new Mutation { PutCluster = new PutCluster { Cluster = _cluster.Clone() } });
        await log.ExpectAsync("Information", "was renewed");

        Assert.NotEqual(serial, certificate.Certificate.SerialNumber);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_manager_that_catches_up_does_not_follow_a_root_of_the_past()
    {
        await using var manager = new InMemoryManager(_time);
        var certificate = Create();
        var serial = certificate.Certificate.SerialNumber;
        // A state from before the cluster had the root that this certificate is of.
        manager.Commit(new Mutation { PutCluster = new PutCluster { Cluster = ClusterFactory.Create(new ClusterSettings(), _time.GetUtcNow()) } });
        var lagging = new LaggingManager(manager);
        using var signer = new CertificateSigner(certificate, _time);
        using var log = new LogLines();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug));
        using var stop = new CancellationTokenSource();
        var running = new ManagerCertificateRenewal(certificate, lagging, signer, _time, new Random(7), factory.CreateLogger<ManagerCertificateRenewal>()).RunAsync(stop.Token);
        await lagging.Asked.Task.WaitAsync(TimeSpan.FromSeconds(10));

        manager.Commit(new Mutation { PutCluster = new PutCluster { Cluster = _cluster.Clone() } });
        lagging.CaughtUp.SetResult();
        for (var i = 0; i < 20; i++)
            await Task.Delay(10);

        Assert.Equal(serial, certificate.Certificate.SerialNumber);
        Assert.Equal(_root.CertificatePem, certificate.RootPem);
        Assert.DoesNotContain(log.All, line => line.Contains("was renewed", StringComparison.Ordinal));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task It_is_renewed_at_once_when_its_key_was_on_the_disk_unlocked()
    {
        await using var manager = new InMemoryManager(_time);
        manager.Commit(new Mutation { PutCluster = new PutCluster { Cluster = _cluster.Clone() } });
        var certificate = Create();
        using var signer = new CertificateSigner(certificate, _time);
        var first = certificate.Certificate.SerialNumber;
        using var log = new LogLines();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var stop = new CancellationTokenSource();
        var running = new ManagerCertificateRenewal(certificate, manager, signer, _time, new Random(7), factory.CreateLogger<ManagerCertificateRenewal>()).RunAsync(stop.Token);
        var unlockKey = new byte[Wire.UnlockKey.Bytes];

        _keys.Relock(unlockKey, 5);

        await log.ExpectAsync("Information", "certificate was renewed");
        Assert.NotEqual(first, certificate.Certificate.SerialNumber);
        Assert.False(_keys.ArePrivateKeysExposed);
        Assert.Equal(certificate.Certificate.SerialNumber, ManagerCertificate.Load(Folder, unlockKey).Certificate.SerialNumber);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private sealed class LaggingManager(IManager manager) : IManager
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource CaughtUp { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ManagerSelf Self => manager.Self;

        public StateStore Store => manager.Store;

        public bool IsLeader => false;

        public Task ReadBarrierAsync(CancellationToken cancellation = default)
        {
            Asked.TrySetResult();
            return CaughtUp.Task.WaitAsync(cancellation);
        }

        public Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default) => manager.SubmitAsync(input, cancellation);
    }

    private ManagerCertificate Create() => ManagerCertificate.Create(Folder, _keys, _root, "managerid", _cluster.Id, TimeSpan.FromDays(90), _time.GetUtcNow());
}
