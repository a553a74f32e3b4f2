using Grpc.Core;

namespace Skep.Agent;

/// <summary>
/// The worker's side of the wire: keeps a session with one of the managers, and goes to another when it ends, as SwarmKit's agent does. What it does not do
/// yet: renew its certificate.
/// </summary>
public sealed class NodeAgent
{
    private readonly NodeCredentials _credentials;
    private readonly AgentSettings _settings;
    private readonly IAgentObserver _observer;
    private readonly TimeProvider _time;
    private readonly Remotes _remotes;
    private readonly SessionBackoff _backoff;
    private readonly ReportQueue _reports = new();
    private readonly Worker _worker;
    private readonly TaskCompletionSource _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _sessionId = "";

    /// <param name="credentials">From <see cref="NodeCertificateClient"/>.</param>
    /// <param name="managers">host:port each, to begin with; later the cluster's own list counts.</param>
    /// <param name="settings">What it is.</param>
    /// <param name="executor">Runs its tasks.</param>
    /// <param name="observer">For figures.</param>
    /// <param name="random">This agent's own.</param>
    /// <param name="time">The clock.</param>
    public NodeAgent(NodeCredentials credentials, IEnumerable<string> managers, AgentSettings settings, IExecutor executor, IAgentObserver observer, Random random, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(managers);
        _credentials = credentials;
        _settings = settings;
        _observer = observer;
        _time = time;
        _remotes = new Remotes(random);
        _backoff = new SessionBackoff(random);
        _worker = new Worker(executor, _reports, observer, time);
        foreach (var manager in managers)
            _remotes.Observe(new ManagerPeer("", manager), Remotes.Observation);
    }

    /// <summary>Completes when a manager has registered the node for the first time.</summary>
    public Task Registered => _registered.Task;

    /// <summary>Runs until it is cancelled; whatever fails on the way is tried again.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var manager = _remotes.Select();
            await Task.Delay(_backoff.NextDelay(), _time, cancellation).ConfigureAwait(false);
            if (manager is { } peer)
                await RunSessionAsync(peer, cancellation).ConfigureAwait(false);
            else
                _observer.SessionEnded("", wasOpen: false, "no remote hosts provided");
            cancellation.ThrowIfCancellationRequested();
            _backoff.Failed();
        }
    }

    private async Task RunSessionAsync(ManagerPeer peer, CancellationToken cancellation)
    {
        var isOpen = false;
        try
        {
            using var channel = ClusterChannel.ForNode(peer.Address, _credentials, _time);
            var session = new ManagerSession(channel, _worker, _reports, _settings, _observer, _time);
            await session.RunAsync(_sessionId, OnMessage, cancellation).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it was, a node goes on: there is nobody to tell but the observer.
            _observer.SessionEnded(peer.Address, isOpen, Reason(e));
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
