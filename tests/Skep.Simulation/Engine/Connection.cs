namespace Skep.Simulation.Engine;

/// <summary>
/// One TCP connection from a machine to a process on another, with calls and streams of messages on it: in order each way, nothing lost
/// while it lasts. While a direction is cut its messages wait, and after some seconds the connection breaks.
/// </summary>
internal sealed class Connection
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    private readonly EventLoop _loop;
    private readonly Network _network;
    private readonly Func<bool> _serverLives;
    private readonly Direction _toServer;
    private readonly Direction _toClient;
    private readonly CancellationTokenSource _serverSide = new();
    private readonly CancellationTokenSource _clientSide = new();

    /// <param name="serverLives">Whether the process at the other end still runs.</param>
    /// <param name="patience">How long a message may be stuck until the connection breaks.</param>
    public Connection(EventLoop loop, Network network, int client, int server, Func<bool> serverLives, TimeSpan patience)
    {
        _loop = loop;
        _network = network;
        _serverLives = serverLives;
        _toServer = new Direction(this, client, server, patience);
        _toClient = new Direction(this, server, client, patience);
    }

    public bool IsBroken { get; private set; }

    /// <summary>Fires at the server when the connection is gone.</summary>
    public CancellationToken ServerSide => _serverSide.Token;

    /// <summary>Fires at the client when the connection is gone.</summary>
    public CancellationToken ClientSide => _clientSide.Token;

    /// <summary>A call with one answer.</summary>
    /// <param name="handler">What the server does.</param>
    /// <param name="timeout">After which the client gives up; the server does not hear of it.</param>
    /// <exception cref="ConnectionLostException">No answer: the call may have been done or not.</exception>
    public async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> handler, TimeSpan timeout)
    {
        var answer = new TaskCompletionSource<T>();
        _toServer.Send(() => _loop.Start(async () =>
        {
            try
            {
                var value = await handler(ServerSide);
                _toClient.Send(() => answer.TrySetResult(value));
            }
            catch (Exception e)
            {
                _toClient.Send(() => answer.TrySetException(e));
            }
        }));
        _loop.After(timeout, () => answer.TrySetException(new ConnectionLostException("no answer in time")));
        using var broken = ClientSide.Register(() => answer.TrySetException(new ConnectionLostException("the connection broke")));
        return await answer.Task;
    }

    /// <summary>A call with a stream of answers.</summary>
    public IncomingStream<T> Stream<T>(Func<OutgoingStream<T>, CancellationToken, Task> handler)
    {
        var incoming = new IncomingStream<T>();
        ClientSide.Register(() => incoming.End(new ConnectionLostException("the connection broke")));
        var outgoing = new OutgoingStream<T>(message => _toClient.Send(() => incoming.Add(message)));
        _toServer.Send(() => _loop.Start(async () =>
        {
            try
            {
                await handler(outgoing, ServerSide);
                _toClient.Send(() => incoming.End(new ConnectionLostException("the stream ended")));
            }
            catch (Exception e)
            {
                _toClient.Send(() => incoming.End(e));
            }
        }));
        return incoming;
    }

    /// <summary>Both ends learn that it is gone; what is on its way is lost.</summary>
    public void Break()
    {
        if (IsBroken)
            return;
        IsBroken = true;
        _clientSide.Cancel();
        // The other end hears of it, or finds out, a little later.
        _loop.After(_network.NextDelay(), () =>
        {
            if (_serverLives())
                _serverSide.Cancel();
        });
    }

    private sealed class Direction(Connection connection, int from, int to, TimeSpan patience)
    {
        private readonly Queue<Action> _waiting = new();
        private bool _moving;
        private TimeSpan _stuckSince = TimeSpan.MinValue;

        public void Send(Action deliver)
        {
            if (connection.IsBroken)
                return;
            _waiting.Enqueue(deliver);
            if (!_moving)
                Move(connection._network.NextDelay());
        }

        private void Move(TimeSpan delay)
        {
            _moving = true;
            connection._loop.After(delay, Arrive);
        }

        private void Arrive()
        {
            if (connection.IsBroken)
                return;
            if (!connection._serverLives())
            {
                connection.Break();
                return;
            }
            if (connection._network.IsCut(from, to))
            {
                Wait();
                return;
            }
            _stuckSince = TimeSpan.MinValue;
            // What was sent meanwhile travels together.
            for (var count = _waiting.Count; count > 0; count--)
                _waiting.Dequeue()();
            if (connection._network.NextIsReset())
            {
                connection.Break();
                return;
            }
            _moving = false;
            if (_waiting.Count > 0)
                Move(connection._network.NextDelay());
        }

        private void Wait()
        {
            var now = connection._loop.Now;
            if (_stuckSince == TimeSpan.MinValue)
                _stuckSince = now;
            if (now - _stuckSince > patience)
                connection.Break();
            else
                Move(Retry);
        }
    }
}

/// <summary>The connection is gone, or the answer did not come: what was asked for may have been done or not.</summary>
internal sealed class ConnectionLostException(string message) : Exception(message);
