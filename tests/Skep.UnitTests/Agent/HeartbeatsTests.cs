using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Skep.Agent;
using Skep.Agent.Rpc;
using Skep.Cli.Lab;
using Skep.UnitTests.Security;
using Xunit;

namespace Skep.UnitTests.Agent;

/// <summary>Against a manager whose answers can be held up on their way.</summary>
public sealed class HeartbeatsTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();
    private readonly HeartbeatClock _clock;
    private readonly TcpListener _wire = new(IPAddress.Loopback, 0);
    private readonly List<IDisposable> _ends = [];
    private readonly FleetFigures _figures;
    private readonly TaskCompletionSource _lets = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TestCluster? _cluster;
    private RpcException? _failure;
    private volatile bool _isHeld;
    private bool _hasUnread;

    public HeartbeatsTests() => (_clock, _figures) = (new HeartbeatClock(_time), new FleetFigures(_time));

    [Fact]
    public async Task One_that_is_not_answered_in_time_ends_the_session()
    {
        await BeginAsync();
        Advance(4.9);
        Assert.Null(_failure);
        Advance(0.2);
        Assert.Equal(StatusCode.DeadlineExceeded, _failure!.StatusCode);
        Assert.Equal(1, _figures.LateHeartbeats);
    }

    [Fact]
    public async Task While_something_lies_unread_the_answer_may_be_in_it()
    {
        await BeginAsync();
        _hasUnread = true;
        for (var second = 0; second < 20; second++)
            Advance(1);
        Assert.Null(_failure);
        // All was read, and there was no answer.
        _hasUnread = false;
        Advance(1.1);
        Assert.Equal(StatusCode.DeadlineExceeded, _failure!.StatusCode);
        Assert.Equal(1, _figures.LateHeartbeats);
    }

    [Fact]
    public async Task An_answer_that_is_read_late_is_an_answer()
    {
        await BeginAsync();
        _hasUnread = true;
        Advance(6);
        _lets.SetResult();
        for (var waited = 0; waited < 500 && _figures.Heartbeats.Count == 0; waited++)
            await Task.Delay(20);
        Assert.Equal(1, _figures.Heartbeats.Count);
        Assert.Equal(0, _figures.LateHeartbeats);
        _hasUnread = false;
        // Less than the period, after which there would be another.
        Advance(4);
        Assert.Null(_failure);
    }

    public async ValueTask DisposeAsync()
    {
        _clock.Dispose();
        foreach (var end in _ends)
            end.Dispose();
        _wire.Dispose();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    /// <summary>The first heartbeat is under way; its answer is held up.</summary>
    private async Task BeginAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _wire.Start();
        var credentials = await _cluster.JoinAsync();
        var opening = ManagerConnection.OpenAsync(_wire.LocalEndpoint.ToString()!, ClusterTls.ForNode(credentials, _cluster.Time), default);
        var near = await _wire.AcceptSocketAsync();
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await far.ConnectAsync(_cluster.EndPoint);
        _ = ForwardAsync(near, far, holds: false);
        _ = ForwardAsync(far, near, holds: true);
        var connection = await opening.WaitAsync(Patience);
        _ends.AddRange([connection, near, far]);
        await new UnaryCall<Wire.HeartbeatResponse>(Wire.HeartbeatResponse.Parser).InvokeAsync(connection, RpcMethod.Heartbeat, new Wire.HeartbeatRequest()).AsTask().WaitAsync(Patience);
        _isHeld = true;
        new Heartbeats(connection, () => _hasUnread, "session", _clock, _figures, _time, failure => _failure = failure).Begin();
    }

    private async Task ForwardAsync(Socket from, Socket to, bool holds)
    {
        try
        {
            var buffer = new byte[4096];
            while (await from.ReceiveAsync(buffer) is var read and > 0)
            {
                if (holds && _isHeld)
                    await _lets.Task;
                await to.SendAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private void Advance(double seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));
}
