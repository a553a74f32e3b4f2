using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Skep.Agent;
using Skep.Agent.Rpc;
using Skep.UnitTests.Security;
using Xunit;

namespace Skep.UnitTests.Agent;

/// <summary>The agents' own gRPC against ASP.NET's, over real TLS.</summary>
public sealed class ManagerConnectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task One_call_object_makes_one_call_after_another()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var connection = await OpenAsync(cluster);
        var call = new UnaryCall<Wire.HeartbeatResponse>(Wire.HeartbeatResponse.Parser);
        for (var i = 0; i < 20; i++)
            Assert.Equal(5, (await call.InvokeAsync(connection, RpcMethod.Heartbeat, new Wire.HeartbeatRequest()).AsTask().WaitAsync(Patience)).Period.Seconds);
    }

    [Fact]
    public async Task A_request_larger_than_the_peers_window_arrives()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var connection = await OpenAsync(cluster);
        var large = new Wire.HeartbeatRequest { SessionId = new string('x', 3_000_000) };
        var calls = Enumerable.Range(0, 3).Select(_ => new UnaryCall<Wire.HeartbeatResponse>(Wire.HeartbeatResponse.Parser).InvokeAsync(connection, RpcMethod.Heartbeat, large).AsTask());
        await Task.WhenAll(calls).WaitAsync(Patience);
    }

    [Fact]
    public async Task A_refusal_is_told_with_its_words_and_the_connection_goes_on()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var connection = await OpenAsync(cluster);
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new UnaryCall<Wire.ListNodesResponse>(Wire.ListNodesResponse.Parser).InvokeAsync(connection, "/docker.swarmkit.v1.Control/ListNodes", new Wire.ListNodesRequest()));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.NotEmpty(refused.Status.Detail);
        await new UnaryCall<Wire.HeartbeatResponse>(Wire.HeartbeatResponse.Parser).InvokeAsync(connection, RpcMethod.Heartbeat, new Wire.HeartbeatRequest());
    }

    [Fact]
    public async Task A_manager_that_is_not_there_is_unavailable()
    {
        await using var cluster = await TestCluster.StartAsync();
        var credentials = await cluster.JoinAsync();
        var e = await Assert.ThrowsAsync<RpcException>(() => ManagerConnection.OpenAsync("127.0.0.1:1", ClusterTls.ForNode(credentials, cluster.Time), default));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task A_manager_is_tried_at_all_the_addresses_of_its_name()
    {
        // Nobody listens at the first.
        IPAddress[] addresses = [IPAddress.Parse("127.0.0.2"), IPAddress.Loopback];
        using var manager = new TcpListener(IPAddress.Loopback, TestPort.Take());
        manager.Start();
        await using var stream = await ManagerConnection.ConnectAsync(addresses, ((IPEndPoint)manager.LocalEndpoint).Port, default).WaitAsync(Patience);
        using var socket = stream.Socket;
        Assert.Equal(manager.LocalEndpoint, socket.RemoteEndPoint);
    }

    [Fact]
    public async Task When_no_address_answers_the_reason_is_told()
    {
        IPAddress[] addresses = [IPAddress.Parse("127.0.0.2"), IPAddress.Loopback];
        var refused = await Assert.ThrowsAsync<SocketException>(() => ManagerConnection.ConnectAsync(addresses, TestPort.Take(), default).WaitAsync(Patience));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Fact]
    public async Task The_end_of_a_connection_ends_its_calls()
    {
        await using var cluster = await TestCluster.StartAsync();
        var connection = await OpenAsync(cluster);
        connection.Dispose();
        var e = await Assert.ThrowsAsync<RpcException>(async () => await new UnaryCall<Wire.HeartbeatResponse>(Wire.HeartbeatResponse.Parser).InvokeAsync(connection, RpcMethod.Heartbeat, new Wire.HeartbeatRequest()));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    [Fact]
    public async Task After_a_loss_of_power_the_peer_hears_nothing_until_it_is_back()
    {
        await using var cluster = await TestCluster.StartAsync();
        // A wire between the two, on which one can listen.
        using var wire = new TcpListener(IPAddress.Loopback, 0);
        wire.Start();
        var credentials = await cluster.JoinAsync();
        var opening = ManagerConnection.OpenAsync(wire.LocalEndpoint.ToString()!, ClusterTls.ForNode(credentials, cluster.Time), default);
        using var near = await wire.AcceptSocketAsync();
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await far.ConnectAsync(cluster.EndPoint);
        var heard = ForwardAsync(near, far);
        _ = ForwardAsync(far, near);
        var connection = await opening;
        await new UnaryCall<Wire.HeartbeatResponse>(Wire.HeartbeatResponse.Parser).InvokeAsync(connection, RpcMethod.Heartbeat, new Wire.HeartbeatRequest());

        var remains = connection.LosePower();
        await Task.Delay(200);
        Assert.False(heard.IsCompleted);
        remains.Dispose();
        var e = await Assert.ThrowsAsync<SocketException>(() => heard.WaitAsync(Patience));
        Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
    }

    private static async Task ForwardAsync(Socket from, Socket to)
    {
        var buffer = new byte[4096];
        while (await from.ReceiveAsync(buffer) is var read and > 0)
            await to.SendAsync(buffer.AsMemory(0, read));
    }

    private static async Task<ManagerConnection> OpenAsync(TestCluster cluster) =>
        await ManagerConnection.OpenAsync(cluster.Address, ClusterTls.ForNode(await cluster.JoinAsync(), cluster.Time), default);
}
