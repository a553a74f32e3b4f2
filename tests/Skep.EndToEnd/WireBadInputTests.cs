using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Strangers and liars on the cluster port: each is refused, and the cluster works on. Run against stock managers too, so the refusals are SwarmKit's own.</summary>
[Trait("Category", "slow")]
public sealed class WireBadInputTests(Cluster cluster) : ClusterTest(cluster)
{
    private string Manager => Cluster.Hosts.Address("h1");

    [Fact]
    public async Task Garbage_on_the_port_is_dropped()
    {
        foreach (var garbage in new[] { new byte[] { 0 }, Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"), RandomNumberGenerator.GetBytes(100_000), [0x16, 0x03, 0x01, 0xff, 0xff] })
        {
            using var connection = new TcpClient();
            await connection.ConnectAsync(Manager, 2377);
            try
            {
                await connection.GetStream().WriteAsync(garbage);
            }
            catch (IOException)
            {
                // dropped while it was still being written
            }
        }
        await LogSays("h1", "refused a connection", "does not speak TLS");
        await StillWell();
    }

    [Fact]
    public async Task Garbage_inside_tls_is_dropped()
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(Manager, 2377);
        await using var tls = new SslStream(connection.GetStream());
        await tls.AuthenticateAsClientAsync(WireClient.Tls());
        try
        {
            await tls.WriteAsync(RandomNumberGenerator.GetBytes(50_000));
        }
        catch (IOException)
        {
            // dropped while it was still being written
        }
        await StillWell();
    }

    [Fact]
    public async Task Many_idle_connections_keep_no_one_out()
    {
        var idle = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var connection = new TcpClient();
                idle.Add(connection);
                await connection.ConnectAsync(Manager, 2377);
            }
            var (id, certificate) = await WireClient.Join(Manager, await Cluster.Token("worker"));
            certificate.Dispose();
            await Cluster.Docker($"node rm --force {id}");
        }
        finally
        {
            idle.ForEach(c => c.Dispose());
        }
        await StillWell();
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("SWMTKN-1-00000000000000000000000000000000000000000000000000-0000000000000000000000000")]
    public async Task A_wrong_token_gets_no_certificate(string token)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var error = await Refused(null, channel => new Wire.NodeCA.NodeCAClient(channel).IssueNodeCertificateAsync(new Wire.IssueNodeCertificateRequest { Csr = WireClient.Csr(key), Token = token }, deadline: WireClient.Soon));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("A valid join token is necessary to join this cluster", error.Status.Detail, StringComparison.Ordinal);
        await LogSays("h1", "no certificate for", "A valid join token is necessary");
        await StillWell();
    }

    [Fact]
    public async Task A_token_with_a_wrong_secret_gets_no_certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var token = (await Cluster.Token("worker"))[..^1] + "!";
        var error = await Refused(null, channel => new Wire.NodeCA.NodeCAClient(channel).IssueNodeCertificateAsync(new Wire.IssueNodeCertificateRequest { Csr = WireClient.Csr(key), Token = token }, deadline: WireClient.Soon));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
    }

    [Fact]
    public async Task Without_a_certificate_no_session_is_given()
    {
        var error = await Refused(null, Session);
        Assert.Contains(error.StatusCode, new[] { StatusCode.PermissionDenied, StatusCode.Unauthenticated });
        await LogSays("h1", "refused /docker.swarmkit.v1.Dispatcher/Session", "no client certificates");
        await StillWell();
    }

    [Fact]
    public async Task A_certificate_of_another_cluster_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var authority = WireClient.Authority(key);
        using var foreign = WireClient.Forge(authority, await NodeId("h2"), "swarm-manager", await ClusterId(), DateTimeOffset.UtcNow.AddDays(30));
        await Refused(foreign, Session);
        await Refused(foreign, ListNodes);
        await LogSays("h1", "refused a connection", "is not trusted");
        await StillWell();
    }

    [Fact]
    public async Task A_workers_certificate_opens_no_managers_call()
    {
        await AsWorker(async (_, certificate) =>
        {
            var error = await Refused(certificate, ListNodes);
            Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
            error = await Refused(certificate, channel => new Wire.CA.CAClient(channel).GetUnlockKeyAsync(new Wire.GetUnlockKeyRequest(), deadline: WireClient.Soon));
            Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
            await LogSays("h1", "refused /docker.swarmkit.v1.Control/ListNodes", "swarm-manager");
        });
    }

    [Fact]
    public async Task A_worker_cannot_speak_for_another_nodes_task()
    {
        await Cluster.Docker($"{Create} --name web --constraint node.hostname==h2 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "1/1");
        var task = (await Cluster.Docker("service ps -q --no-trunc web")).Out.Trim();
        await AsWorker(async (_, certificate) =>
        {
            using var channel = WireClient.Channel(Manager, certificate);
            var dispatcher = new Wire.Dispatcher.DispatcherClient(channel);
            using var session = dispatcher.Session(new Wire.SessionRequest { Description = new Wire.NodeDescription { Hostname = "liar" } }, deadline: WireClient.Soon);
            Assert.True(await session.ResponseStream.MoveNext(CancellationToken.None));
            var lie = new Wire.UpdateTaskStatusRequest { SessionId = session.ResponseStream.Current.SessionId };
            lie.Updates.Add(new Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate { TaskId = task, Status = new Wire.TaskStatus { State = Wire.TaskState.Failed } });
            try
            {
                await dispatcher.UpdateTaskStatusAsync(lie, deadline: WireClient.Soon);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.PermissionDenied)
            {
                // refused; being ignored would do as well
            }
            await Task.Delay(1500);
            Assert.Equal(task, (await Cluster.Docker("service ps -q --no-trunc web")).Out.Trim());
        });
    }

    [Fact]
    public async Task An_unknown_session_is_told_so()
    {
        await AsWorker(async (_, certificate) =>
        {
            var error = await Refused(certificate, channel => new Wire.Dispatcher.DispatcherClient(channel).HeartbeatAsync(new Wire.HeartbeatRequest { SessionId = "nosuch" }, deadline: WireClient.Soon));
            Assert.Contains(error.StatusCode, new[] { StatusCode.InvalidArgument, StatusCode.NotFound });
        });
    }

    [Fact]
    public async Task A_removed_nodes_certificate_is_refused()
    {
        var (id, certificate) = await WireClient.Join(Manager, await Cluster.Token("worker"));
        using (certificate)
        {
            await Cluster.Docker($"node rm --force {id}");
            var error = await Refused(certificate, Session);
            Assert.Contains(error.StatusCode, new[] { StatusCode.PermissionDenied, StatusCode.NotFound });
        }
        await StillWell();
    }

    [Fact]
    public async Task A_malformed_request_for_a_certificate_is_not_signed()
    {
        using var channel = WireClient.Channel(Manager);
        var ca = new Wire.NodeCA.NodeCAClient(channel);
        var id = "";
        try
        {
            id = (await ca.IssueNodeCertificateAsync(new Wire.IssueNodeCertificateRequest { Csr = ByteString.CopyFromUtf8("no request"), Token = await Cluster.Token("worker") }, deadline: WireClient.Soon)).NodeId;
            var status = await ca.NodeCertificateStatusAsync(new Wire.NodeCertificateStatusRequest { NodeId = id }, deadline: DateTime.UtcNow.AddSeconds(5));
            Assert.NotEqual(Wire.IssuanceStatus.Types.State.Issued, status.Status.State);
        }
        catch (RpcException)
        {
            // refused at once (skepd) or never issued (stock)
        }
        if (id.Length > 0) await Cluster.TryDocker($"node rm --force {id}");
        await StillWell();
    }

    [Fact]
    public async Task A_huge_message_is_refused()
    {
        await AsWorker(async (_, certificate) =>
        {
            var huge = new Wire.UpdateTaskStatusRequest { SessionId = new string('x', 64 << 20) };
            await Refused(certificate, channel => new Wire.Dispatcher.DispatcherClient(channel).UpdateTaskStatusAsync(huge, deadline: WireClient.Soon));
        });
    }

    [Fact]
    public async Task An_expired_certificate_of_the_cluster_is_refused()
    {
        OnlySkepd("a stock manager is one with its engine, and h3 has none");
        // Only who has the authority's key can make an expired certificate, so a second cluster is made with an authority of ours.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var authority = WireClient.Authority(key);
        var address = Cluster.Hosts.Address("h3");
        await SkepdPeer.StartAlone(Cluster.Hosts, "h3");
        try
        {
            var cluster = await InitWithAuthority("h3", authority, key);
            var token = JsonNode.Parse(await HttpOn("h3").GetStringAsync("/v1.41/swarm"))!["JoinTokens"]!["Worker"]!.GetValue<string>();
            var (worker, certificate) = await WireClient.Join(address, token);
            certificate.Dispose();
            using var expired = WireClient.Forge(authority, worker, "swarm-worker", cluster, DateTimeOffset.UtcNow.AddHours(-1));
            await Refused(expired, Session, address);
            await LogSays("h3", "is not trusted", "expired");
            // The same names and the same authority, not expired: let in. So it was the date.
            using var good = WireClient.Forge(authority, worker, "swarm-worker", cluster, DateTimeOffset.UtcNow.AddHours(1));
            var error = await Refused(good, channel => new Wire.Dispatcher.DispatcherClient(channel).HeartbeatAsync(new Wire.HeartbeatRequest { SessionId = "nosuch" }, deadline: WireClient.Soon), address);
            Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        }
        finally
        {
            await SkepdPeer.StopAndForget(Cluster.Hosts, "h3");
        }
    }

    private HttpClient HttpOn(string host) => EngineHttp.Client(SkepdPeer.SocketOn(Cluster.Hosts, host));

    private async Task<string> InitWithAuthority(string host, X509Certificate2 authority, ECDsa key)
    {
        using var client = HttpOn(host);
        var init = new JsonObject
        {
            ["ListenAddr"] = "0.0.0.0:2377",
            ["AdvertiseAddr"] = Cluster.Hosts.Address(host),
            ["Spec"] = new JsonObject
            {
                ["CAConfig"] = new JsonObject { ["SigningCACert"] = authority.ExportCertificatePem(), ["SigningCAKey"] = key.ExportECPrivateKeyPem() },
            },
        };
        using var body = new StringContent(init.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/v1.41/swarm/init", body);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return JsonNode.Parse(await client.GetStringAsync("/v1.41/swarm"))!["ID"]!.GetValue<string>();
    }

    /// <summary>An operator finds a line with these words in skepd's log. A stock manager's log is not ours to judge.</summary>
    private async Task LogSays(string host, params string[] words)
    {
        if (Cluster.Peer is not SkepdPeer) return;
        await Lab.Cluster.WaitFor($"a line in the log with: {string.Join(", ", words)}", 5,
            () => File.ReadAllLinesAsync($"{Cluster.Hosts.Folder}/{host}/skepd.log"),
            lines => lines.Any(line => words.All(word => line.Contains(word, StringComparison.Ordinal))));
    }

    private static AsyncUnaryCall<Wire.ListNodesResponse> ListNodes(ChannelBase channel) =>
        new Wire.Control.ControlClient(channel).ListNodesAsync(new Wire.ListNodesRequest(), deadline: WireClient.Soon);

    private static async Task<bool> Session(ChannelBase channel)
    {
        using var call = new Wire.Dispatcher.DispatcherClient(channel).Session(new Wire.SessionRequest { Description = new Wire.NodeDescription { Hostname = "stranger" } }, deadline: WireClient.Soon);
        return await call.ResponseStream.MoveNext(CancellationToken.None);
    }

    private Task<RpcException> Refused<T>(X509Certificate2? certificate, Func<ChannelBase, AsyncUnaryCall<T>> call, string? address = null) =>
        Refused(certificate, async channel => { using var running = call(channel); return await running; }, address);

    private async Task<RpcException> Refused<T>(X509Certificate2? certificate, Func<ChannelBase, Task<T>> call, string? address = null)
    {
        using var channel = WireClient.Channel(address ?? Manager, certificate);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call(channel));
        Assert.NotEqual(StatusCode.DeadlineExceeded, error.StatusCode);
        return error;
    }

    private async Task AsWorker(Func<string, X509Certificate2, Task> act)
    {
        var (id, certificate) = await WireClient.Join(Manager, await Cluster.Token("worker"));
        using (certificate)
        {
            try
            {
                await act(id, certificate);
            }
            finally
            {
                await Cluster.Docker($"node rm --force {id}");
            }
        }
        await StillWell();
    }

    private async Task<string> NodeId(string host) => (await Cluster.Docker($"node inspect {host} --format '{{{{.ID}}}}'")).Out.Trim();

    private async Task<string> ClusterId() => (await Cluster.Docker("info --format '{{.Swarm.Cluster.ID}}'")).Out.Trim();

    private async Task StillWell()
    {
        var nodes = (await Cluster.Docker("node ls --format '{{.Hostname}} {{.Status}}'")).Lines;
        Assert.Equal(["h1 Ready", "h2 Ready"], nodes.Order());
    }
}
