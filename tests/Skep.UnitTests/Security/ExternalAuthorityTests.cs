using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Skep.Manager;
using Skep.Manager.Certificates;
using Skep.Security;
using Skep.Wire;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Security;

public class ExternalAuthorityTests
{
    [Fact]
    public async Task A_cluster_rotates_to_an_external_root_and_has_no_key_then()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);

        await RotateToAsync(cluster, authority);

        Assert.True(cluster.Current.RootCa.CaKey.IsEmpty);
        Assert.Equal(authority.RootPem, cluster.Current.RootCa.CaCert.ToStringUtf8());
        var manager = authority.Requests.Single();
        Assert.Equal($"[\"swarm-manager\",\"{cluster.Certificate.Identity.NodeId}\",\"swarm-ca\"]", manager.GetProperty("hosts").GetRawText());
        Assert.All(authority.Clients, client => Assert.Contains(cluster.Certificate.Identity.NodeId, client, StringComparison.Ordinal));
        var joined = await cluster.JoinAsync();
        Assert.Equal(joined.Identity.NodeId, await cluster.HeartbeatAsync(joined));
        var node = authority.Requests[^1];
        Assert.Equal($"[\"swarm-worker\",\"{joined.Identity.NodeId}\"]", node.GetProperty("hosts").GetRawText());
        Assert.Equal($"{{\"CN\":\"{joined.Identity.NodeId}\",\"names\":[{{\"O\":\"{cluster.Current.Id}\",\"OU\":\"swarm-worker\"}}],\"SerialNumber\":\"\"}}", node.GetProperty("subject").GetRawText());
        Assert.Equal("", node.GetProperty("profile").GetString());
    }

    [Fact]
    public async Task From_an_external_root_back_to_one_of_its_own_the_authority_links_the_roots()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        await RotateToAsync(cluster, authority);
        var node = await cluster.JoinAsync();

        await cluster.RotateAsync();

        Assert.Equal("CA", authority.Requests[^1].GetProperty("profile").GetString());
        var next = cluster.Current.RootCa.RootRotation;
        Assert.False(next.CaKey.IsEmpty);
        await cluster.UntilAsync(state => CertificateIssuer.Of(next.CaCert).HasIssued(state.Managers.Values.Single().TlsInfo));
        // Trusts the external root alone, and the manager shows a certificate of the next one.
        Assert.Equal(node.Identity.NodeId, await cluster.HeartbeatAsync(node));
        await cluster.ArriveAsync(node, next.CaCert, cluster.Current.RootCa.CaCert);
        await cluster.UntilAsync(state => state.Cluster!.RootCa.RootRotation is null);
        Assert.Equal(next.CaKey, cluster.Current.RootCa.CaKey);
    }

    [Fact]
    public async Task The_external_roots_key_can_be_handed_in_without_a_rotation()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        await RotateToAsync(cluster, authority);

        await cluster.UpdateAsync(ca =>
        {
            ca.ExternalCas.Clear();
            ca.SigningCaCert = ByteString.CopyFromUtf8(authority.RootPem);
            ca.SigningCaKey = ByteString.CopyFromUtf8(authority.KeyPem);
        });

        Assert.Null(cluster.Current.RootCa.RootRotation);
        var before = authority.Requests.Count;
        var joined = await cluster.JoinAsync();
        Assert.Equal(joined.Identity.NodeId, await cluster.HeartbeatAsync(joined));
        Assert.Equal(before, authority.Requests.Count);
    }

    [Fact]
    public async Task What_a_cluster_without_a_key_needs_cannot_be_taken_away()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        await RotateToAsync(cluster, authority);
        await using var other = await StartAsync(cluster);

        await RefusedAsync(cluster, "there must be at least one valid, reachable external CA corresponding to the current CA certificate", ca => ca.ExternalCas.Clear());
        await RefusedAsync(cluster, "rotating from one external CA to a different external CA is not supported", ca =>
        {
            ca.SigningCaCert = ByteString.CopyFromUtf8(other.RootPem);
            ca.ExternalCas.Add(External(other));
        });
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/")]
    [InlineData("https://127.0.0.1:1/")]
    [InlineData("nonsense")]
    public async Task An_authority_that_cannot_be_reached_is_refused(string url)
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);

        await RefusedAsync(cluster, "there must be at least one valid, reachable external CA corresponding to the desired CA certificate", ca =>
        {
            ca.SigningCaCert = ByteString.CopyFromUtf8(authority.RootPem);
            ca.ExternalCas.Add(new ExternalCA { Url = url, CaCert = ca.SigningCaCert });
        });
        await cluster.Log.ExpectAsync("Warning", "the external CA", url, "is unreachable or invalid");
    }

    [Fact]
    public async Task An_authority_with_a_certificate_of_another_root_is_refused()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        await using var other = await StartAsync(cluster);

        await RefusedAsync(cluster, "there must be at least one valid, reachable external CA corresponding to the desired CA certificate", ca =>
        {
            ca.SigningCaCert = ByteString.CopyFromUtf8(authority.RootPem);
            ca.ExternalCas.Add(new ExternalCA { Url = other.Url, CaCert = ca.SigningCaCert });
        });
    }

    [Fact]
    public async Task An_answer_that_is_no_certificate_for_the_node_is_not_handed_on()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        await RotateToAsync(cluster, authority);
        var foreign = (await cluster.JoinAsync()).Certificate.ExportCertificatePem();

        await JoinFailsAsync(cluster, authority, http => CfsslServer.SucceedAsync(http, foreign), "another key");
        await JoinFailsAsync(cluster, authority, http => CfsslServer.SucceedAsync(http, "garbage"), "is none");
        await JoinFailsAsync(cluster, authority, http => http.Response.WriteAsJsonAsync(new { success = false, errors = new[] { new { code = 9, message = "policy" } } }), "response errors: 9 policy");
        await JoinFailsAsync(cluster, authority, http => http.Response.WriteAsync("<html>"), "unable to parse JSON response");
        await JoinFailsAsync(cluster, authority, http => http.Response.WriteAsync(new string(' ', 300_000)), "unable to perform certificate signing request");
        await JoinFailsAsync(cluster, authority, http =>
        {
            http.Response.StatusCode = 500;
            return Task.CompletedTask;
        }, "unexpected status code in CSR response: 500");
        Assert.Single(cluster.Store.Read(state => state.Nodes));

        authority.Instead = null;
        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task The_next_authority_is_asked_when_one_does_not_answer()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        await RotateToAsync(cluster, authority, first: "https://127.0.0.1:1/sign");

        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task An_authority_beside_the_clusters_own_key_signs_unless_it_is_gone()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        await RotateToAsync(cluster, authority);
        await cluster.UpdateAsync(ca =>
        {
            ca.SigningCaCert = ByteString.CopyFromUtf8(authority.RootPem);
            ca.SigningCaKey = ByteString.CopyFromUtf8(authority.KeyPem);
        });
        var before = authority.Requests.Count;

        await cluster.JoinAsync();
        Assert.Equal(before + 1, authority.Requests.Count);
        await JoinFailsAsync(cluster, authority, http => http.Response.WriteAsJsonAsync(new { success = false }), "certificate signing request failed");
        await authority.DisposeAsync();
        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task A_swarm_begins_with_an_external_authority_in_its_spec()
    {
        var made = ClusterFactory.Create(new ClusterSettings { Spec = new ClusterSpec { CaConfig = new CAConfig { ExternalCas = { new ExternalCA { Url = "https://127.0.0.1:1/sign" } } } } }, DateTimeOffset.UtcNow);
        Assert.Equal("https://127.0.0.1:1/sign", made.Spec.CaConfig.ExternalCas.Single().Url);
        await using var cluster = await TestCluster.StartAsync();
        await cluster.UpdateAsync(ca => ca.ExternalCas.Add(made.Spec.CaConfig.ExternalCas));

        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task A_rotation_waits_for_an_authority_that_is_gone_and_goes_on_when_it_is_back()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var authority = await StartAsync(cluster);
        authority.Instead = http =>
        {
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        };
        cluster.KeepManagerFresh();
        await BeginAsync(cluster, authority, null);
        await cluster.Log.ExpectAsync("Error", "could not be renewed", "unexpected status code in CSR response: 503", "trying again");

        authority.Instead = null;

        await cluster.UntilAsync(state => state.Cluster!.RootCa.RootRotation is null);
    }

    private static Task<CfsslServer> StartAsync(TestCluster cluster) => CfsslServer.StartAsync(IPAddress.Loopback, cluster.Time.GetUtcNow());

    private static ExternalCA External(CfsslServer authority) => new() { Url = authority.Url, CaCert = ByteString.CopyFromUtf8(authority.RootPem) };

    private static async Task RotateToAsync(TestCluster cluster, CfsslServer authority, string? first = null)
    {
        cluster.KeepManagerFresh();
        await BeginAsync(cluster, authority, first);
        await cluster.UntilAsync(state => state.Cluster!.RootCa.RootRotation is null);
    }

    private static Task BeginAsync(TestCluster cluster, CfsslServer authority, string? first) => cluster.UpdateAsync(ca =>
    {
        ca.SigningCaCert = ByteString.CopyFromUtf8(authority.RootPem);
        if (first is not null)
            ca.ExternalCas.Add(new ExternalCA { Url = first, CaCert = ca.SigningCaCert });
        ca.ExternalCas.Add(External(authority));
    });

    private static async Task RefusedAsync(TestCluster cluster, string message, Action<CAConfig> change)
    {
        var before = cluster.Current;
        var refusal = await Assert.ThrowsAsync<ControlException>(() => cluster.UpdateAsync(change));
        Assert.Equal(message, refusal.Message);
        Assert.Equal(ControlError.InvalidArgument, refusal.Error);
        Assert.Equal(before.RootCa, cluster.Current.RootCa);
    }

    private static async Task JoinFailsAsync(TestCluster cluster, CfsslServer authority, Func<HttpContext, Task> answer, string reason)
    {
        authority.Instead = answer;
        var refusal = await Assert.ThrowsAsync<RpcException>(() => cluster.JoinAsync());
        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        Assert.Contains(reason, refusal.Status.Detail, StringComparison.Ordinal);
    }
}
