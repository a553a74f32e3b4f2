using Google.Protobuf;
using Grpc.Core;
using Skep.Agent;
using Skep.Manager;
using Skep.Wire;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Security;

public class JoinTests
{
    [Fact]
    public async Task A_newcomer_with_the_worker_token_becomes_a_worker()
    {
        await using var cluster = await TestCluster.StartAsync();

        var joined = await cluster.JoinAsync();

        var node = cluster.Store.Read(state => state.Nodes[joined.Identity.NodeId]);
        Assert.Equal(new NodeIdentity(node.Id, NodeRole.Worker, cluster.Current.Id), joined.Identity);
        Assert.True(SwarmId.IsValid(node.Id));
        Assert.Equal(NodeRole.Worker, node.Role);
        Assert.Equal(IssuanceStatus.Types.State.Issued, node.Certificate.Status.State);
        Assert.Equal(cluster.Current.VXLANUDPPort, node.VXLANUDPPort);
        Assert.Equal(node.Id, await cluster.HeartbeatAsync(joined));
        await cluster.Log.ExpectAsync("Information", node.Id, "joins from", "as a worker");
    }

    [Fact]
    public async Task A_wrong_token_is_refused_in_stocks_words()
    {
        await using var cluster = await TestCluster.StartAsync();
        var wrong = JoinToken.Create(cluster.Current.RootCa.CaCert.Span, new byte[16]);

        var e = await Assert.ThrowsAsync<RpcException>(() => cluster.JoinAsync(wrong));

        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.Equal("A valid join token is necessary to join this cluster", e.Status.Detail);
        Assert.Empty(cluster.Store.Read(state => state.Nodes));
        var line = await cluster.Log.ExpectAsync("Warning", "no certificate for", "A valid join token");
        Assert.DoesNotContain(wrong, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_of_another_cluster_is_noticed_by_the_newcomer()
    {
        await using var cluster = await TestCluster.StartAsync();
        var foreign = JoinToken.Create("another root"u8, new byte[16]);

        var e = await Assert.ThrowsAsync<FormatException>(() => cluster.JoinAsync(foreign));

        Assert.Contains("does not match fingerprint", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rotated_token_lets_nobody_in_and_the_new_one_does()
    {
        await using var cluster = await TestCluster.StartAsync();
        var old = cluster.WorkerToken;
        var present = cluster.Current;
        await cluster.Manager.CallAsync<UpdateClusterResponse>(new UpdateClusterRequest
        {
            ClusterId = present.Id,
            ClusterVersion = present.Meta.Version,
            Spec = present.Spec,
            Rotation = new KeyRotation { WorkerJoinToken = true },
        });

        var e = await Assert.ThrowsAsync<RpcException>(() => cluster.JoinAsync(old));

        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.NotEqual(old, cluster.WorkerToken);
        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task An_engine_with_the_manager_token_is_told_what_to_do()
    {
        await using var cluster = await TestCluster.StartAsync();

        var e = await Assert.ThrowsAsync<RpcException>(() => cluster.JoinAsync(cluster.Current.RootCa.JoinTokens.Manager));

        Assert.Equal(StatusCode.FailedPrecondition, e.StatusCode);
        Assert.Contains("docker swarm join-token worker", e.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("run skepd", e.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(cluster.Store.Read(state => state.Nodes));
    }

    [Fact]
    public async Task A_renewed_certificate_keeps_the_id_and_has_another_key()
    {
        await using var cluster = await TestCluster.StartAsync();
        var joined = await cluster.JoinAsync();
        cluster.Time.Advance(TimeSpan.FromDays(60));

        var renewed = await new NodeCertificateClient(cluster.Time).RenewAsync(cluster.Address, joined, CancellationToken.None);

        Assert.Equal(joined.Identity, renewed.Identity);
        Assert.NotEqual(joined.Certificate.GetPublicKeyString(), renewed.Certificate.GetPublicKeyString());
        Assert.True(renewed.Certificate.NotAfter > joined.Certificate.NotAfter);
        Assert.Single(cluster.Store.Read(state => state.Nodes));
        Assert.Equal(joined.Identity.NodeId, await cluster.HeartbeatAsync(renewed));
    }

    [Fact]
    public async Task A_signing_request_that_is_none_is_refused()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var channel = ClusterChannel.ForNewcomer(cluster.Address, ClusterRoots.Parse(cluster.Current.RootCa.CaCert.Span), cluster.Time);
        var client = new NodeCA.NodeCAClient(channel);

        foreach (var csr in new[] { ByteString.Empty, ByteString.CopyFromUtf8("garbage"), ByteString.CopyFrom(new byte[20_000]) })
        {
            var e = await Assert.ThrowsAsync<RpcException>(async () => await client.IssueNodeCertificateAsync(new IssueNodeCertificateRequest { Token = cluster.WorkerToken, Csr = csr }));
            Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
            Assert.Contains("certificate signing request", e.Status.Detail, StringComparison.Ordinal);
        }
        Assert.Empty(cluster.Store.Read(state => state.Nodes));
    }

    [Fact]
    public async Task A_message_beyond_the_limit_is_refused()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var channel = ClusterChannel.ForNewcomer(cluster.Address, ClusterRoots.Parse(cluster.Current.RootCa.CaCert.Span), cluster.Time);

        var e = await Assert.ThrowsAsync<RpcException>(async () => await new NodeCA.NodeCAClient(channel).IssueNodeCertificateAsync(
            new IssueNodeCertificateRequest { Token = cluster.WorkerToken, Csr = ByteString.CopyFrom(new byte[1_000_000]) }));

        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    [Fact]
    public async Task The_status_of_an_unknown_node_is_not_found()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var channel = ClusterChannel.Unverified(cluster.Address);

        var e = await Assert.ThrowsAsync<RpcException>(async () => await new NodeCA.NodeCAClient(channel).NodeCertificateStatusAsync(new NodeCertificateStatusRequest { NodeId = "nobody" }));

        Assert.Equal(StatusCode.NotFound, e.StatusCode);
    }

    [Fact]
    public async Task The_status_call_waits_until_the_certificate_is_there()
    {
        await using var cluster = await TestCluster.StartAsync();
        var pending = new Certificate { Status = new IssuanceStatus { State = IssuanceStatus.Types.State.Pending } };
        await cluster.Manager.SubmitAsync(new CertificateIssued("nodeid", pending, NodeSpec.Types.Availability.Active));
        using var channel = ClusterChannel.Unverified(cluster.Address);

        var status = new NodeCA.NodeCAClient(channel).NodeCertificateStatusAsync(new NodeCertificateStatusRequest { NodeId = "nodeid" }).ResponseAsync;
        await Task.Delay(200);
        Assert.False(status.IsCompleted);
        var issued = new Certificate { Status = new IssuanceStatus { State = IssuanceStatus.Types.State.Issued }, Cn = "nodeid" };
        await cluster.Manager.SubmitAsync(new CertificateIssued("nodeid", issued, NodeSpec.Types.Availability.Active));

        Assert.Equal("nodeid", (await status.WaitAsync(TimeSpan.FromSeconds(10))).Certificate.Cn);
    }
}
