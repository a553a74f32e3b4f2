using Grpc.Core;
using Skep.Agent.Rpc;

namespace Skep.Agent;

/// <summary>
/// The worker's side of the wire: keeps a session with one of the managers, and goes to another when it ends, as SwarmKit's agent does. What it does not do
/// yet: renew its certificate.
/// </summary>
public sealed class NodeAgent : IDisposable
{
    private readonly NodeCredentials _credentials;
    private readonly AgentSettings _settings;
    private readonly HeartbeatClock _clock;
    private readonly IAgentObserver _observer;
    private readonly TimeProvider _time;
    private readonly Remotes _remotes;
    private readonly SessionBackoff _backoff;
    private readonly ReportQueue _reports;
    private readonly Worker _worker;
    private readonly TaskCompletionSource _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _sessionId = "";

    /// <summary>Of the connection that it had when its power went.</summary>
    private IDisposable? _remains;

    /// <param name="credentials">From <see cref="NodeCertificateClient"/>.</param>
    /// <param name="managers">host:port each, to begin with; later the cluster's own list counts.</param>
    /// <param name="settings">What it is.</param>
    /// <param name="clock">Of all agents of the process.</param>
    /// <param name="executor">Runs its tasks.</param>
    /// <param name="observer">For figures.</param>
    /// <param name="random">This agent's own.</param>
    /// <param name="time">The clock.</param>
    public NodeAgent(NodeCredentials credentials, IEnumerable<string> managers, AgentSettings settings, HeartbeatClock clock, IExecutor executor, IAgentObserver observer, Random random, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(managers);
        _credentials = credentials;
        _settings = settings;
        _clock = clock;
        _observer = observer;
        _time = time;
        ArgumentNullException.ThrowIfNull(random);
        _reports = new ReportQueue(new Random(random.Next()));
        _remotes = new Remotes(random);
        _backoff = new SessionBackoff(random);
        _worker = new Worker(executor, _reports, observer, time);
        foreach (var manager in managers)
            _remotes.Observe(new ManagerPeer("", manager), Remotes.Observation);
    }

    /// <summary>Completes when a manager has registered the node for the first time.</summary>
    public Task Registered => _registered.Task;

    /// <summary>
    /// Runs until its power goes; whatever fails on the way is tried again. It may then be run again: with its certificate and its tasks, and a new session.
    /// </summary>
    /// <param name="power">Cancelled when the power goes: the manager hears no more of the node, not even that its connection has ended.</param>
    public async Task RunAsync(CancellationToken power)
    {
        Dispose();
        _sessionId = "";
        _backoff.Registered();
        while (true)
        {
            var manager = _remotes.Select();
            await Task.Delay(_backoff.NextDelay(), _time, power).ConfigureAwait(false);
            if (manager is { } peer)
                await RunSessionAsync(peer, power).ConfigureAwait(false);
            else
                _observer.SessionEnded("", wasOpen: false, "no remote hosts provided");
            power.ThrowIfCancellationRequested();
            _backoff.Failed();
        }
    }

    /// <summary>Its containers did not survive the loss of its power. Not while it runs.</summary>
    public void LoseTasks() => _worker.Lose();

    public void Dispose()
    {
        _remains?.Dispose();
        _remains = null;
    }

    private async Task RunSessionAsync(ManagerPeer peer, CancellationToken power)
    {
        var isOpen = false;
        try
        {
            using var connection = await ManagerConnection.OpenAsync(peer.Address, ClusterTls.ForNode(_credentials, _time), power).ConfigureAwait(false);
            await using var _ = power.Register(() => _remains = connection.LosePower()).ConfigureAwait(false);
            await new ManagerSession(connection, _worker, _reports, _settings, _clock, _observer, _time).RunAsync(_sessionId, OnMessage).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it was, a node goes on: there is nobody to tell but the observer.
            _observer.SessionEnded(peer.Address, isOpen, power.IsCancellationRequested ? "power lost" : Reason(e));
        }
        _remotes.ObserveIfKnown(peer, -Remotes.Observation);

        void OnMessage(Wire.SessionMessage message)
        {
            _sessionId = message.SessionId;
            _remotes.Replace(message.Managers.Where(m => m.Peer is not null).Select(m => (new ManagerPeer(m.Peer.NodeId, m.Peer.Addr), (int)m.Weight)));
            if (isOpen)
                return;
            isOpen = true;
            _backoff.Registered();
            _observer.SessionOpened(peer.Address);
            _registered.TrySetResult();
        }
    }

    // Of a failed connection the innermost cause; gRPC's own text strings them all together.
    private static string Reason(Exception e) => e is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.DebugException?.GetBaseException().Message ?? rpc.Status.Detail}" : e.Message;
}
