using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Skep.Agent;
using Skep.Manager.Certificates;
using Skep.Wire;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Security;

/// <summary>A rotation as members live through it, over the real port.</summary>
public class RootRotationTests
{
    [Fact]
    public async Task A_member_that_trusts_only_the_present_root_accepts_what_the_next_one_has_signed()
    {
        await using var cluster = await TestCluster.StartAsync();
        var node = await cluster.JoinAsync();
        await cluster.ArriveAsync(node, cluster.Current.RootCa.CaCert, cluster.Current.RootCa.CaCert);
        cluster.KeepManagerFresh();
        await cluster.RotateAsync();
        await cluster.UntilAsync(state => CertificateIssuer.Of(state.Cluster!.RootCa).HasIssued(state.Managers.Values.Single().TlsInfo));

        var renewed = await RenewAsync(cluster, node);

        var root = cluster.Current.RootCa;
        Assert.NotNull(root.RootRotation);
        // The server's, too, is of the next root now.
        Assert.Equal(CertificateIssuer.Of(root.RootRotation.CaCert).PublicKey, KeyThatSigned(cluster.Certificate.Certificate, root));
        Assert.Equal(2, await ShownCertificatesAsync(cluster));
        Assert.Equal(node.Identity.NodeId, await cluster.HeartbeatAsync(node));
        Assert.Equal(node.Identity.NodeId, await cluster.HeartbeatAsync(renewed));
        Assert.Equal(root.RootRotation.CrossSignedCaCert, Rest(cluster, node.Identity.NodeId));
        // Newcomers come by the present root.
        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task At_the_end_only_the_next_root_counts()
    {
        await using var cluster = await TestCluster.StartAsync();
        cluster.KeepManagerFresh();
        var node = await cluster.JoinAsync();
        var old = cluster.Current.RootCa;
        await cluster.ArriveAsync(node, old.CaCert, old.CaCert);
        await cluster.RotateAsync();
        var next = cluster.Current.RootCa.RootRotation.CaCert;
        await cluster.UntilAsync(state => state.Nodes[node.Identity.NodeId].Certificate.Status.State == IssuanceStatus.Types.State.Rotate);
        var renewed = await RenewAsync(cluster, node);
        await cluster.ArriveAsync(node, next, old.CaCert);

        await cluster.UntilAsync(state => state.Cluster!.RootCa.RootRotation is null);

        var root = cluster.Current.RootCa;
        Assert.Equal(next, root.CaCert);
        Assert.False(root.CaKey.IsEmpty);
        Assert.Equal(next, (await GetRootAsync(cluster)).Certificate);
        await Assert.ThrowsAsync<FormatException>(() => cluster.JoinAsync(old.JoinTokens.Worker));
        await Assert.ThrowsAsync<RpcException>(() => cluster.HeartbeatAsync(node));
        var follows = Trusting(renewed, cluster, next);
        Assert.Equal(node.Identity.NodeId, await cluster.HeartbeatAsync(follows));
        // Signed by the new root alone.
        Assert.True((await RenewCertificateAsync(cluster, follows)).IsEmpty);
        var joined = await cluster.JoinAsync();
        Assert.Equal(joined.Identity.NodeId, await cluster.HeartbeatAsync(joined));
        await cluster.UntilAsync(state => state.Managers.Values.Single().TlsInfo.TrustRoot.Equals(next));
        Assert.Equal(next, cluster.Certificate.RootPem);
    }

    [Fact]
    public async Task A_standing_connection_with_a_certificate_of_the_next_root_outlives_a_rotation_that_is_called_off()
    {
        await using var cluster = await TestCluster.StartAsync();
        cluster.KeepManagerFresh();
        var node = await cluster.JoinAsync();
        var present = cluster.Current.RootCa;
        await cluster.ArriveAsync(node, present.CaCert, present.CaCert);
        await cluster.RotateAsync();
        await cluster.UntilAsync(state => CertificateIssuer.Of(state.Cluster!.RootCa).HasIssued(state.Managers.Values.Single().TlsInfo));
        var renewed = await RenewAsync(cluster, node);
        using var channel = ClusterChannel.ForNode(cluster.Address, renewed, cluster.Time);
        var dispatcher = new Dispatcher.DispatcherClient(channel);
        await dispatcher.HeartbeatAsync(new HeartbeatRequest());

        await cluster.UpdateAsync(ca =>
        {
            ca.SigningCaCert = present.CaCert;
            ca.SigningCaKey = present.CaKey;
        });

        Assert.Null(cluster.Current.RootCa.RootRotation);
        Assert.Equal(present.CaCert, cluster.Current.RootCa.CaCert);
        Assert.Equal(present.JoinTokens, cluster.Current.RootCa.JoinTokens);
        await dispatcher.HeartbeatAsync(new HeartbeatRequest());
        // The manager goes back by itself.
        await cluster.UntilAsync(state => CertificateIssuer.Of(state.Cluster!.RootCa).HasIssued(state.Managers.Values.Single().TlsInfo));
        Assert.Equal(1, await ShownCertificatesAsync(cluster));
    }

    [Fact]
    public async Task A_second_rotation_takes_the_place_of_the_first()
    {
        await using var cluster = await TestCluster.StartAsync();
        cluster.KeepManagerFresh();
        var node = await cluster.JoinAsync();
        var old = cluster.Current.RootCa.CaCert;
        await cluster.ArriveAsync(node, old, old);
        await cluster.RotateAsync();
        var first = cluster.Current.RootCa.RootRotation.CaCert;
        node = await RenewAsync(cluster, node);

        await cluster.RotateAsync();
        var second = cluster.Current.RootCa.RootRotation.CaCert;
        Assert.NotEqual(first, second);
        // With the certificate of a root that never was: it is linked to the one that is trusted.
        Assert.Equal(node.Identity.NodeId, await cluster.HeartbeatAsync(node));
        await RenewAsync(cluster, node);
        await cluster.ArriveAsync(node, second, old);

        await cluster.UntilAsync(state => state.Cluster!.RootCa.CaCert.Equals(second));
        Assert.Null(cluster.Current.RootCa.RootRotation);
    }

    [Fact]
    public async Task A_manager_that_starts_in_the_middle_renews_its_certificate()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.RotateAsync();
        var next = cluster.Current.RootCa.RootRotation.CaCert;

        cluster.KeepManagerFresh();

        await cluster.UntilAsync(state => state.Cluster!.RootCa.RootRotation is null);
        Assert.Equal(next, cluster.Current.RootCa.CaCert);
    }

    private static Task<NodeCredentials> RenewAsync(TestCluster cluster, NodeCredentials node) =>
        new NodeCertificateClient(cluster.Time).RenewAsync(cluster.Address, node, CancellationToken.None);

    private static async Task<ByteString> RenewCertificateAsync(TestCluster cluster, NodeCredentials node)
    {
        await new NodeCertificateClient(cluster.Time).RenewAsync(cluster.Address, node, CancellationToken.None);
        return Rest(cluster, node.Identity.NodeId);
    }

    /// <summary>What follows the certificate itself in the state.</summary>
    private static ByteString Rest(TestCluster cluster, string nodeId)
    {
        var pem = cluster.Store.Read(state => state.Nodes[nodeId].Certificate.Certificate_).ToStringUtf8();
        var end = PemEncoding.Find(pem).Location.End.GetOffset(pem.Length);
        return ByteString.CopyFromUtf8(pem[(end + 1)..]);
    }

    private static NodeCredentials Trusting(NodeCredentials credentials, TestCluster cluster, ByteString rootPem)
    {
        using var key = credentials.Certificate.GetECDsaPrivateKey()!;
        return new NodeCredentials(cluster.Store.Read(state => state.Nodes[credentials.Identity.NodeId].Certificate.Certificate_).Span, key, ClusterRoots.Parse(rootPem.Span));
    }

    private static ByteString KeyThatSigned(X509Certificate2 certificate, RootCA root) =>
        new[] { root.CaCert, root.RootRotation.CaCert }.Where(pem => ClusterRoots.Parse(pem.Span).Check(certificate, certificate.NotAfter.AddDays(-1)) is null)
            .Select(pem => CertificateIssuer.Of(pem).PublicKey).Single();

    private static async Task<GetRootCACertificateResponse> GetRootAsync(TestCluster cluster)
    {
        using var channel = ClusterChannel.Unverified(cluster.Address);
        return await new CA.CAClient(channel).GetRootCACertificateAsync(new GetRootCACertificateRequest());
    }

    private static async Task<int> ShownCertificatesAsync(TestCluster cluster)
    {
        var count = 0;
        using var socket = new TcpClient();
        await socket.ConnectAsync(cluster.EndPoint);
        await using var tls = new SslStream(socket.GetStream(), false, (_, certificate, chain, _) =>
        {
            count = 1 + chain!.ChainPolicy.ExtraStore.Count(extra => !extra.RawData.AsSpan().SequenceEqual(((X509Certificate2)certificate!).RawData));
            return true;
        });
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "swarm-manager", ApplicationProtocols = [SslApplicationProtocol.Http2] });
        return count;
    }
}
