using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Skep.Manager;
using Skep.Security;
using Skep.Wire;
using Xunit;

namespace Skep.UnitTests.Security;

public class ClusterFactoryTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_new_cluster_has_stocks_defaults()
    {
        var cluster = ClusterFactory.Create(new ClusterSettings(), Now);

        Assert.True(SwarmId.IsValid(cluster.Id));
        Assert.Equal("default", cluster.Spec.Annotations.Name);
        Assert.Equal(5, cluster.Spec.Orchestration.TaskHistoryRetentionLimit);
        Assert.Equal(TimeSpan.FromSeconds(5), cluster.Spec.Dispatcher.HeartbeatPeriod.ToTimeSpan());
        Assert.Equal(TimeSpan.FromDays(90), cluster.Spec.CaConfig.NodeCertExpiry.ToTimeSpan());
        Assert.Equal(new RaftConfig { SnapshotInterval = 10_000, LogEntriesForSlowFollowers = 500, HeartbeatTick = 1, ElectionTick = 10 }, cluster.Spec.Raft);
        Assert.Equal("10.0.0.0/8", Assert.Single(cluster.DefaultAddressPool));
        Assert.Equal(24u, cluster.SubnetSize);
        Assert.Equal(4789u, cluster.VXLANUDPPort);
        Assert.True(JoinToken.Parse(cluster.RootCa.JoinTokens.Worker).IsOf(cluster.RootCa.CaCert.Span));
        Assert.True(JoinToken.Parse(cluster.RootCa.JoinTokens.Manager).IsOf(cluster.RootCa.CaCert.Span));
        Assert.NotEqual(cluster.RootCa.JoinTokens.Worker, cluster.RootCa.JoinTokens.Manager);
        Assert.Equal("sha256:" + Convert.ToHexStringLower(JoinToken.Parse(cluster.RootCa.JoinTokens.Worker).RootDigest.Span), cluster.RootCa.CaCertHash);
    }

    [Fact]
    public void What_the_user_said_stays()
    {
        var cluster = ClusterFactory.Create(new ClusterSettings
        {
            Spec = new ClusterSpec
            {
                Orchestration = new OrchestrationConfig { TaskHistoryRetentionLimit = 0 },
                Dispatcher = new DispatcherConfig { HeartbeatPeriod = Duration.FromTimeSpan(TimeSpan.FromSeconds(30)) },
            },
            DefaultAddressPools = ["10.20.30.40/16", "10.30.0.0/16"],
            SubnetSize = 26,
            DataPathPort = 5789,
        }, Now);

        Assert.Equal(0, cluster.Spec.Orchestration.TaskHistoryRetentionLimit);
        Assert.Equal(30, cluster.Spec.Dispatcher.HeartbeatPeriod.Seconds);
        Assert.Equal(["10.20.0.0/16", "10.30.0.0/16"], cluster.DefaultAddressPool);
        Assert.Equal(26u, cluster.SubnetSize);
        Assert.Equal(5789u, cluster.VXLANUDPPort);
    }

    [Theory]
    [InlineData("10.0.0.0/8", 30u, 0u, "subnet size is out of range: 30")]
    [InlineData("10.0.0.0/25", 24u, 0u, "invalid CIDR: \"10.0.0.0/25\". Subnet size is too small for pool: 24")]
    [InlineData("10.0.0.0", 24u, 0u, "invalid CIDR address: 10.0.0.0")]
    [InlineData("10.0.0.0/33", 24u, 0u, "invalid CIDR address: 10.0.0.0/33")]
    [InlineData("10.0.0.0/8", 24u, 80u, "Datapath port number is not in valid range (1024-49151) : 80")]
    public void Impossible_settings_are_refused_in_stocks_words(string pool, uint subnetSize, uint port, string message)
    {
        var e = Assert.Throws<ControlException>(() => ClusterFactory.Create(new ClusterSettings { DefaultAddressPools = [pool], SubnetSize = subnetSize, DataPathPort = port }, Now));

        Assert.Equal(ControlError.InvalidArgument, e.Error);
        Assert.Equal(message, e.Message);
    }

    [Fact]
    public void Pools_must_not_overlap()
    {
        var e = Assert.Throws<ControlException>(() => ClusterFactory.Create(new ClusterSettings { DefaultAddressPools = ["10.0.0.0/8", "10.1.0.0/16"] }, Now));

        Assert.Contains("overlaps", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_root_brought_along_is_used_and_its_key_is_kept_once()
    {
        using var own = RootCertificateAuthority.Create(Now);

        var cluster = ClusterFactory.Create(new ClusterSettings { Spec = With(own.CertificatePem, own.KeyPem) }, Now);

        Assert.Equal(own.CertificatePem, cluster.RootCa.CaCert);
        Assert.Equal(own.KeyPem, cluster.RootCa.CaKey);
        Assert.True(cluster.Spec.CaConfig.SigningCaKey.IsEmpty);
    }

    [Fact]
    public void A_root_that_ends_soon_or_does_not_fit_is_refused()
    {
        using var old = RootCertificateAuthority.Create(Now.AddYears(-19).AddDays(-1));
        using var other = RootCertificateAuthority.Create(Now);

        Assert.Equal("CA certificate expires too soon", Refusal(With(old.CertificatePem, old.KeyPem)));
        Assert.Equal("certificate key mismatch", Refusal(With(old.CertificatePem, other.KeyPem)));
        Assert.Equal("if a signing CA key is provided, the signing CA cert must also be provided", Refusal(With(ByteString.Empty, other.KeyPem)));
    }

    [Fact]
    public void With_autolock_it_has_an_unlock_key_from_the_beginning()
    {
        var cluster = ClusterFactory.Create(new ClusterSettings { Spec = new ClusterSpec { EncryptionConfig = new EncryptionConfig { AutoLockManagers = true } } }, Now);
        Assert.Equal(UnlockKey.Bytes, UnlockKey.Of(cluster).Length);
        Assert.True(UnlockKey.Of(ClusterFactory.Create(new ClusterSettings(), Now)).IsEmpty);
    }

    private static ClusterSpec With(ByteString certificate, ByteString key) => new() { CaConfig = new CAConfig { SigningCaCert = certificate, SigningCaKey = key } };

    private static string Refusal(ClusterSpec spec) => Assert.Throws<ControlException>(() => ClusterFactory.Create(new ClusterSettings { Spec = spec }, Now)).Message;
}
