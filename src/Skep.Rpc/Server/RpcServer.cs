using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Skep.Rpc.Polling;

namespace Skep.Rpc.Server;

/// <summary>Lets a caller in: finds out who it is, and what carries its bytes.</summary>
/// <param name="bytes">Of the connection. Whoever returns a peer has made them part of the peer's transport.</param>
/// <param name="stopping">The server stops.</param>
/// <returns>Null: it is not let in.</returns>
public delegate Task<RpcPeer?> AdmitPeer(PolledStream bytes, CancellationToken stopping);

/// <summary>A check that every call passes before its method is called; it refuses with an <see cref="Grpc.Core.RpcException"/>.</summary>
public delegate ValueTask AuthorizeCall(ServerCall call);

/// <summary>
/// A gRPC server on a port. It exists beside Grpc.AspNetCore because thousands of engines hold connections to a manager and report each task in
/// a call of its own: such a call is run by the thread that reads it, and an idle connection holds no buffers.
/// </summary>
/// <param name="listen">Where.</param>
/// <param name="admit">Lets callers in.</param>
/// <param name="methods">What can be called.</param>
/// <param name="authorize">Who may call what.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Failures of methods; the ends of connections for debugging.</param>
public sealed class RpcServer(IPEndPoint listen, AdmitPeer admit, MethodTable methods, AuthorizeCall authorize, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    /// <summary>Of connections that are not accepted yet; Linux takes less if net.core.somaxconn says so.</summary>
    private const int Backlog = 4096;

    /// <summary>How long calls may go on when the server stops.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AcceptRetry = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<RpcConnection, Task> _connections = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Socket _socket = new(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
    private Task _accepting = Task.CompletedTask;
    private ITimer? _checks;

    /// <summary>Where it listens, once it does: the port is known then.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    internal MethodTable Methods => methods;

    internal TimeProvider Time => time;

    internal ILogger Logger => logger;

    /// <exception cref="IOException">The port is taken, or the address is not this machine's.</exception>
    public void Start()
    {
        try
        {
            if (listen.Address.Equals(IPAddress.IPv6Any))
                _socket.DualMode = true;
            _socket.Bind(listen);
            _socket.Listen(Backlog);
        }
        catch (SocketException e)
        {
            throw new IOException(e.SocketErrorCode == SocketError.AddressAlreadyInUse ? $"Failed to bind to address {listen}: address already in use." : $"cannot listen on {listen}: {e.Message}", e);
        }
        _accepting = AcceptAsync();
        _checks = time.CreateTimer(_ => Check(), null, CheckInterval, CheckInterval);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
            return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        _checks?.Dispose();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(_connections.Keys.Select(EndAsync)).ConfigureAwait(false);
        _stopping.Dispose();
    }

    internal ValueTask AuthorizeAsync(ServerCall call) => authorize(call);

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                _ = ServeAsync(socket);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // No more files, or a caller that is gone already: the next one may fare better.
                logger.LogWarning("a connection to {Address} could not be accepted: {Reason}", listen, e.Message);
                await Task.Delay(AcceptRetry).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        PolledStream? bytes = null;
        RpcPeer? peer = null;
        try
        {
            socket.NoDelay = true;
            bytes = new PolledStream(socket);
            peer = await admit(bytes, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            logger.LogDebug("a connection was not let in: {Reason}", e.Message);
        }
        if (peer is null)
        {
            if (bytes is not null)
                await bytes.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            return;
        }
        var connection = new RpcConnection(this, peer);
        _connections[connection] = connection.Idle;
        if (_stopping.IsCancellationRequested)
            connection.Close(new OperationCanceledException("the manager stops"));
        await connection.RunAsync().ConfigureAwait(false);
        _connections.TryRemove(connection, out _);
    }

    private static async Task EndAsync(RpcConnection connection)
    {
        connection.Stop();
        try
        {
            // Real time: nothing else would end it when the clock is a test's.
            await connection.Idle.WaitAsync(DrainTime).ConfigureAwait(false);
            await connection.Output.EmptiedAsync().WaitAsync(DrainTime).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The calls that go on are aborted.
        }
        connection.Close(new OperationCanceledException("the manager stops"));
    }

    private void Check()
    {
        foreach (var connection in _connections.Keys)
            connection.Check();
    }
}
