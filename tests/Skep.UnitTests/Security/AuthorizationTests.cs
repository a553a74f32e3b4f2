using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Skep.Agent;
using Skep.Manager;
using Skep.Security;
using Skep.State;
using Skep.Wire;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Security;

public class AuthorizationTests
{
    [Fact]
    public async Task A_call_without_a_certificate_is_refused()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var channel = ClusterChannel.Unverified(cluster.Address);

        var e = await Assert.ThrowsAsync<RpcException>(async () => await new Dispatcher.DispatcherClient(channel).HeartbeatAsync(new HeartbeatRequest()));

        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
        Assert.Equal("Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = no client certificates in request", e.Status.Detail);
        await cluster.Log.ExpectAsync("Warning", "refused /docker.swarmkit.v1.Dispatcher/Heartbeat", "127.0.0.1", "no client certificates");
    }

    [Fact]
    public async Task A_worker_cannot_make_a_managers_call()
    {
        await using var cluster = await TestCluster.StartAsync();
        var worker = await cluster.JoinAsync();
        using var channel = ClusterChannel.ForNode(cluster.Address, worker, cluster.Time);

        var e = await Assert.ThrowsAsync<RpcException>(async () => await new Control.ControlClient(channel).ListNodesAsync(new ListNodesRequest()));

        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
        Assert.Contains("remote certificate not part of OUs: [swarm-manager]", e.Status.Detail, StringComparison.Ordinal);
        await cluster.Log.ExpectAsync("Warning", "refused /docker.swarmkit.v1.Control/ListNodes", worker.Identity.NodeId);
    }

    [Fact]
    public async Task A_manager_may_make_every_call()
    {
        await using var cluster = await TestCluster.StartAsync();
        var manager = Credentials(cluster, cluster.Certificate.Identity);
        using var channel = ClusterChannel.ForNode(cluster.Address, manager, cluster.Time);

        Assert.NotNull(await new Control.ControlClient(channel).ListNodesAsync(new ListNodesRequest()));
        Assert.Equal(manager.Identity.NodeId, await cluster.HeartbeatAsync(manager));
    }

    [Fact]
    public async Task A_node_that_this_manager_does_not_know_yet_is_let_in_once_it_has_caught_up()
    {
        await using var cluster = await TestCluster.StartAsync();
        var node = Credentials(cluster, new NodeIdentity("newcomer", NodeRole.Worker, cluster.Current.Id));
        cluster.CatchUp = () =>
        {
            // Another manager has made the node, and this one lagged behind.
            Commit(cluster, new Mutation { PutNode = new PutNode { Node = new Node { Id = "newcomer", Spec = new NodeSpec(), Status = new NodeStatus() } } });
            return Task.CompletedTask;
        };

        Assert.Equal("newcomer", await cluster.HeartbeatAsync(node));
    }

    [Fact]
    public async Task Raft_is_heard_from_a_manager_that_this_one_does_not_know_yet_and_never_from_a_worker()
    {
        await using var cluster = await TestCluster.StartAsync();
        // What would make this manager catch up comes by the very calls that wait here.
        cluster.CatchUp = () => Task.Delay(Timeout.Infinite);
        await SendAsync(Credentials(cluster, new NodeIdentity("newest", NodeRole.Manager, cluster.Current.Id)));

        var e = await Assert.ThrowsAsync<RpcException>(() => SendAsync(Credentials(cluster, new NodeIdentity("newest", NodeRole.Worker, cluster.Current.Id))));
        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);

        async Task SendAsync(NodeCredentials credentials)
        {
            using var channel = ClusterChannel.ForNode(cluster.Address, credentials, cluster.Time);
            using var call = new Skep.Log.Transport.Raft.RaftClient(channel).Send();
            await call.RequestStream.CompleteAsync();
            await call.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(10));
        }
    }

    [Fact]
    public async Task A_node_that_nobody_knows_is_refused_even_if_no_leader_says_so()
    {
        await using var cluster = await TestCluster.StartAsync();
        var node = Credentials(cluster, new NodeIdentity("stranger", NodeRole.Worker, cluster.Current.Id));

        foreach (var leader in (Func<Task>[])[() => Task.CompletedTask, () => throw new LeadershipLostException("no leader", outcomeUnknown: false), () => Task.Delay(Timeout.Infinite)])
        {
            cluster.CatchUp = leader;
            var e = await Assert.ThrowsAsync<RpcException>(() => cluster.HeartbeatAsync(node)).WaitAsync(TimeSpan.FromSeconds(20));
            Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
            Assert.Contains("node stranger was removed from swarm", e.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_removed_node_is_locked_out_at_once_and_cannot_renew()
    {
        await using var cluster = await TestCluster.StartAsync();
        var node = await cluster.JoinAsync();
        using var channel = ClusterChannel.ForNode(cluster.Address, node, cluster.Time);
        var dispatcher = new Dispatcher.DispatcherClient(channel);
        await dispatcher.HeartbeatAsync(new HeartbeatRequest());

        Remove(cluster, node);
        // On the connection that stood before, too.
        var e = await Assert.ThrowsAsync<RpcException>(async () => await dispatcher.HeartbeatAsync(new HeartbeatRequest()));
        var renewal = await Assert.ThrowsAsync<RpcException>(() => new NodeCertificateClient(cluster.Time).RenewAsync(cluster.Address, node, CancellationToken.None));

        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
        Assert.Contains($"node {node.Identity.NodeId} was removed from swarm", e.Status.Detail, StringComparison.Ordinal);
        Assert.Equal("A valid join token is necessary to join this cluster", renewal.Status.Detail);
        await cluster.Log.ExpectAsync("Warning", node.Identity.NodeId, "was removed from swarm");
    }

    [Fact]
    public async Task A_certificate_for_a_node_that_the_cluster_does_not_know_is_refused()
    {
        await using var cluster = await TestCluster.StartAsync();
        var ghost = Credentials(cluster, new NodeIdentity("ghost", NodeRole.Worker, cluster.Current.Id));
        var formerManager = Credentials(cluster, new NodeIdentity("former", NodeRole.Manager, cluster.Current.Id));

        foreach (var one in new[] { ghost, formerManager })
        {
            var e = await Assert.ThrowsAsync<RpcException>(() => cluster.HeartbeatAsync(one));
            Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
        }
    }

    [Fact]
    public async Task A_certificate_of_another_cluster_under_the_same_root_is_refused()
    {
        await using var cluster = await TestCluster.StartAsync();
        var foreign = Credentials(cluster, new NodeIdentity(cluster.Certificate.Identity.NodeId, NodeRole.Manager, "anothercluster"));

        var e = await Assert.ThrowsAsync<RpcException>(() => cluster.HeartbeatAsync(foreign));

        Assert.Contains($"not part of organization: {cluster.Current.Id}", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_of_another_root_does_not_get_through_the_handshake()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var otherRoot = RootCertificateAuthority.Create(cluster.Time.GetUtcNow());
        var foreign = Credentials(cluster, cluster.Certificate.Identity, otherRoot);

        await Assert.ThrowsAsync<RpcException>(() => cluster.HeartbeatAsync(foreign));

        await cluster.Log.ExpectAsync("Warning", "refused a connection from 127.0.0.1", cluster.Certificate.Identity.NodeId, "signed by unknown authority");
        Assert.DoesNotContain(cluster.Log.All, line => line.Contains("the TLS handshake failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_expired_certificate_does_not_get_through_the_handshake()
    {
        await using var cluster = await TestCluster.StartAsync();
        var node = await cluster.JoinAsync();
        cluster.Time.Advance(TimeSpan.FromDays(91));
        using var root = RootCertificateAuthority.Load(cluster.Current.RootCa.CaCert, cluster.Current.RootCa.CaKey);
        cluster.Certificate.Renew(root, cluster.Time.GetUtcNow());

        await Assert.ThrowsAsync<RpcException>(() => cluster.HeartbeatAsync(node));

        await cluster.Log.ExpectAsync("Warning", "refused a connection from 127.0.0.1", node.Identity.NodeId, "certificate has expired");
    }

    [Fact]
    public async Task A_certificate_that_expires_on_a_standing_connection_counts_no_longer()
    {
        await using var cluster = await TestCluster.StartAsync();
        var node = await cluster.JoinAsync();
        using var channel = ClusterChannel.ForNode(cluster.Address, node, cluster.Time);
        var dispatcher = new Dispatcher.DispatcherClient(channel);
        await dispatcher.HeartbeatAsync(new HeartbeatRequest());

        cluster.Time.Advance(TimeSpan.FromDays(91));
        var e = await Assert.ThrowsAsync<RpcException>(async () => await dispatcher.HeartbeatAsync(new HeartbeatRequest()));

        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
        Assert.Contains("certificate has expired", e.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/docker.swarmkit.v1.CA/GetRootCACertificate", CallRole.Anyone)]
    [InlineData("/docker.swarmkit.v1.CA/GetUnlockKey", CallRole.Manager)]
    [InlineData("/docker.swarmkit.v1.NodeCA/IssueNodeCertificate", CallRole.Anyone)]
    [InlineData("/docker.swarmkit.v1.Dispatcher/Session", CallRole.Node)]
    [InlineData("/docker.swarmkit.v1.LogBroker/PublishLogs", CallRole.Node)]
    [InlineData("/docker.swarmkit.v1.ResourceAllocator/AttachNetwork", CallRole.Node)]
    [InlineData("/docker.swarmkit.v1.Logs/SubscribeLogs", CallRole.Manager)]
    [InlineData("/docker.swarmkit.v1.Control/UpdateCluster", CallRole.Manager)]
    [InlineData("/docker.swarmkit.v1.Health/Check", CallRole.Manager)]
    [InlineData("/skep.raft.v1.Raft/Send", CallRole.RaftMember)]
    [InlineData("/skep.dispatch.v1.ManagerLogs/Subscribe", CallRole.Manager)]
    [InlineData("/some.other.Service/Call", CallRole.Manager)]
    [InlineData("/other.NodeCA/Call", CallRole.Manager)]
    [InlineData("nonsense", CallRole.Manager)]
    public void Each_call_has_its_role_and_unknown_ones_are_for_managers(string method, CallRole role) => Assert.Equal(role, CallRoles.Of(method));

    private static NodeCredentials Credentials(TestCluster cluster, NodeIdentity identity, RootCertificateAuthority? signer = null)
    {
        var rootCa = cluster.Current.RootCa;
        using var root = RootCertificateAuthority.Load(rootCa.CaCert, rootCa.CaKey);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var pem = (signer ?? root).Sign(new PublicKey(key), identity, TimeSpan.FromDays(90), cluster.Time.GetUtcNow());
        return new NodeCredentials(pem.Span, key, ClusterRoots.Parse(rootCa.CaCert.Span));
    }

    /// <summary>What docker node rm leaves in the log.</summary>
    private static void Remove(TestCluster cluster, NodeCredentials node)
    {
        var changed = cluster.Current.Clone();
        changed.BlacklistedCertificates.Add(node.Identity.NodeId, new BlacklistedCertificate { Expiry = Timestamp.FromDateTime(node.Certificate.NotAfter.ToUniversalTime()) });
        Commit(cluster,
            new Mutation { RemoveNode = new RemoveObject { Id = node.Identity.NodeId } },
            new Mutation { PutCluster = new PutCluster { Cluster = changed } });
    }

    private static void Commit(TestCluster cluster, params Mutation[] mutations) => cluster.Store.Apply(new Batch
    {
        Format = ClusterState.Format,
        Time = SwarmTime.ToLog(cluster.Time.GetUtcNow()),
        Mutations = { mutations },
    });
}
