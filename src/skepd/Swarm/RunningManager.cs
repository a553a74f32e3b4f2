using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Skep.Dispatch;
using Skep.Dispatch.Leader;
using Skep.Dispatch.Logs;
using Skep.Log;
using Skep.Log.Transport;
using Skep.Manager;
using Skep.Rpc;
using Skep.Security;
using Skep.State;
using Skep.Storage;

namespace Skep.Daemon.Swarm;

/// <summary>A manager at work: log, state, loop, and the cluster port. Made by init or join, or at start from what is on the disk.</summary>
internal sealed class RunningManager : IAsyncDisposable
{
    /// <summary>How often a manager that follows says again who it is, until the leader has heard it.</summary>
    private static readonly TimeSpan ReportRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan FormatReportInterval = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StateStore _store;
    private readonly Replica _replica;
    private readonly GrpcTransport _transport;
    private readonly ManagerPeers _peers;
    private readonly LeaderLink _link;
    private readonly ManagerService _service;
    private readonly Leadership _leadership;
    private readonly OwnThread _loopThread;
    private readonly MembershipKeeper _membership;
    private readonly IDisposable _settings;
    private readonly CancellationTokenSource _closing = new();
    private readonly LogKeys _keys;
    private readonly string _run;
    private IManager _manager;
    private RootChange? _rootChange;
    private ClusterServer? _server;
    private Task _reporting = Task.CompletedTask;

    private RunningManager(Parts parts, SwarmFile file, Replica replica, Action<Exception> onFailed, TimeProvider time, ILogger logger)
    {
        File = file;
        _time = time;
        _logger = logger;
        _store = parts.Store;
        _replica = replica;
        _transport = parts.Transport;
        _peers = parts.Peers;
        _link = parts.Link;
        _service = parts.Service;
        _manager = parts.Service;
        _leadership = parts.Leadership;
        _keys = parts.Keys;
        _run = parts.Run;
        _loopThread = parts.LoopThread;
        _service.Failed += onFailed;
        _ = replica.Stopped.ContinueWith(stopped => onFailed(stopped.Exception!.InnerException!), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        _store.SubscriberFailed += fault => logger.LogError(fault, "a listener of the state failed: {Reason}; restart skepd if something stands still", fault.Message);
        _settings = _store.Subscribe(OnChanges, () => Configure(_store.Read(state => state.Cluster)));
        Configure(_store.Read(state => state.Cluster));
        _transport.Attach(replica);
        _leadership.Start(replica);
        _membership = new MembershipKeeper(_service, replica, _leadership, time, logger);
    }

    public SwarmFile File { get; set; }

    public required ManagerCertificate Certificate { get; init; }

    public IManager Manager => _manager;

    public Leadership Leadership => _leadership;

    public Replica Replica => _replica;

    public ManagerPeers Peers => _peers;

    /// <summary>The logs of tasks; null until the cluster port is open.</summary>
    public ILogReader? Logs => _server?.Logs;

    /// <summary>This manager in the state; null before it has come, and when it was removed.</summary>
    public State.Manager? Self => _store.Read(state => state.Managers.GetValueOrDefault(File.ManagerId));

    /// <summary>Opens the log. A manager that is alone in its group leads when this returns.</summary>
    /// <param name="file">Who this manager is.</param>
    /// <param name="dataDirectory">Where its log is.</param>
    /// <param name="start">Whether there is a log, or a new group begins, or one is joined.</param>
    /// <param name="certificate">This manager's.</param>
    /// <param name="onFailed">The log or the loop cannot go on (disk full, failing disk, a fault of ours): the daemon must end.</param>
    /// <param name="onLeaderChanged">Another manager leads, or none.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">For what operators should know.</param>
    public static async Task<RunningManager> OpenAsync(
        SwarmFile file, string dataDirectory, ReplicaStart start, ManagerCertificate certificate, Action<Exception> onFailed, Action onLeaderChanged, TimeProvider time, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger<RunningManager>();
        var parts = new Parts(file, certificate, time, loggers);
        var options = new ReplicaOptions
        {
            Directory = DataDirectory.LogOf(dataDirectory, file),
            NodeId = file.RaftId,
            Start = start,
            LeadershipChanged = parts.Leadership.OnChanged,
            LeaderChanged = raftId =>
            {
                parts.Peers.SetLeader(raftId);
                onLeaderChanged();
            },
            MembershipChanged = (_, membership) =>
            {
                // In the background: the log goes on.
                var forgetting = parts.Transport.KeepOnlyAsync(membership);
            },
            Cipher = parts.Keys.Cipher,
            OlderCiphers = parts.Keys.OlderCiphers,
            OlderCiphersUnused = parts.Keys.OlderUnused,
        };
        try
        {
            var replica = await Replica.OpenAsync(options, new SwarmStateMachine(parts.Store), time, parts.Transport, logger).ConfigureAwait(false);
            parts.Proposer.Replica = replica;
            var running = new RunningManager(parts, file, replica, onFailed, time, logger) { Certificate = certificate };
            parts.Keys.Follow(parts.Store, replica, time, loggers);
            if (replica.Membership is { Voters: [var only], Learners.Count: 0 } && only == file.RaftId)
                await running.Leadership.Led.ConfigureAwait(false);
            return running;
        }
        catch
        {
            await parts.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Opens the cluster port: engines and other managers may come.</summary>
    public void Serve(ManagerCertificate certificate, DispatchOptions dispatch, ILoggerFactory loggers)
    {
        _rootChange = new RootChange(certificate, _time, loggers.CreateLogger<RootChange>());
        _manager = new RootPreparation(_service, _rootChange);
        _server = new ClusterServer(IPEndPoint.Parse(File.ListenAddr), _service, _peers, _replica, File.RaftId, certificate, dispatch, _time, loggers);
        _server.Start();
        _logger.LogInformation("the cluster port is open on {Address}", File.ListenAddr);
        _reporting = ReportAsync();
    }

    /// <summary>Completes when this manager votes in the group that it joins, and serves nodes.</summary>
    public async Task JoinedAsync(CancellationToken cancellation)
    {
        while (!(_replica.Membership.IsVoter(File.RaftId) && Self is { IsVoter: true } self && self.Run == _run))
            await Task.Delay(TimeSpan.FromMilliseconds(20), _time, cancellation).ConfigureAwait(false);
    }

    /// <summary>The other managers as known now, to be remembered.</summary>
    public IReadOnlyList<SwarmPeer> OtherManagers() => _store.Read(state =>
        state.Managers.Values.Where(manager => manager.IsMember && manager.Id != File.ManagerId).Select(manager => new SwarmPeer(manager.RaftId, manager.Addr)).ToList());

    /// <summary>Has the others go on without this manager, and waits until it is out of the group as far as it can see.</summary>
    public async Task LeaveGroupAsync(CancellationToken cancellation)
    {
        await _service.SubmitAsync(new RemoveManager(File.ManagerId), cancellation).ConfigureAwait(false);
        // The removal may need this manager's own vote, so it must not be gone too soon; whether it went through it may never hear.
        var began = _time.GetTimestamp();
        while (_replica.Membership.IsVoter(File.RaftId) && _time.GetElapsedTime(began) < TimeSpan.FromSeconds(2))
            await Task.Delay(TimeSpan.FromMilliseconds(20), _time, cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _settings.Dispose();
        await _closing.CancelAsync().ConfigureAwait(false);
        await _reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Others need not wait for an election.
        await _leadership.PassOnAsync(CancellationToken.None).ConfigureAwait(false);
        await _membership.DisposeAsync().ConfigureAwait(false);
        if (_server is not null)
            await _server.DisposeAsync().ConfigureAwait(false);
        _rootChange?.Dispose();
        await _keys.DisposeAsync().ConfigureAwait(false);
        await _leadership.DisposeAsync().ConfigureAwait(false);
        await _link.DisposeAsync().ConfigureAwait(false);
        await _replica.DisposeAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
        _peers.Dispose();
        _store.Dispose();
        _loopThread.Dispose();
        _closing.Dispose();
    }

    /// <summary>The cluster must know that this is a new run: the sessions that an earlier one held are gone.</summary>
    private async Task ReportAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                if (Self is { } self && (self.Run != _run || self.KnownFormat != ClusterState.Format))
                    await _service.SubmitAsync(new ManagerReport(self.Id, File.NodeId, File.AdvertiseAddr, _run, ClusterState.Format), _closing.Token).ConfigureAwait(false);
                else if (Self is not null)
                    return;
            }
            catch (ControlException e)
            {
                _logger.LogDebug("this manager could not report itself yet: {Reason}", e.Message);
            }
            // While a cluster is upgraded, a leader of the older version takes the run and overlooks the format: one of the newer is told again.
            var interval = Self?.Run == _run ? FormatReportInterval : ReportRetry;
            await Task.Delay(interval, _time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void OnChanges(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes.OfType<ClusterChange>())
            Configure(change.New);
    }

    /// <summary>docker swarm update --snapshot-interval, --max-snapshots.</summary>
    private void Configure(Wire.Cluster? cluster)
    {
        if (cluster?.Spec.Raft is { SnapshotInterval: > 0 } raft)
            _ = _replica.ConfigureAsync(raft.SnapshotInterval, (int)Math.Min(raft.KeepOldSnapshots, 100), raft.LogEntriesForSlowFollowers);
    }

    /// <summary>What must be there before the log is opened.</summary>
    private sealed class Parts : IAsyncDisposable
    {
        public Parts(SwarmFile file, ManagerCertificate certificate, TimeProvider time, ILoggerFactory loggers)
        {
            Run = ClusterFactory.NewId();
            Keys = new LogKeys(certificate.Keys, loggers.CreateLogger<LogKeys>());
            Peers = new ManagerPeers(file.RaftId, file.Peers, Store, certificate, new ClusterTrust(certificate, time));
            Transport = new GrpcTransport(Peers.ChannelOf, time, loggers.CreateLogger<GrpcTransport>());
            Link = new LeaderLink(Peers, time);
            Service = new ManagerService(
                new ManagerSelf(file.ManagerId, Run), Store, Proposer, ManagerRules.Create, () => RandomNumberGenerator.GetBytes(32), time, loggers.CreateLogger<ManagerService>(), Link, LoopThread);
            Leadership = new Leadership(Service, time, loggers.CreateLogger<Leadership>());
        }

        public string Run { get; }

        /// <summary>The leader's loop's.</summary>
        public OwnThread LoopThread { get; } = new("skep-loop");

        public LogKeys Keys { get; }

        public StateStore Store { get; } = new();

        public ReplicaProposer Proposer { get; } = new();

        public ManagerPeers Peers { get; }

        public GrpcTransport Transport { get; }

        public LeaderLink Link { get; }

        public ManagerService Service { get; }

        public Leadership Leadership { get; }

        public async ValueTask DisposeAsync()
        {
            await Keys.DisposeAsync().ConfigureAwait(false);
            await Leadership.DisposeAsync().ConfigureAwait(false);
            await Link.DisposeAsync().ConfigureAwait(false);
            await Transport.DisposeAsync().ConfigureAwait(false);
            Peers.Dispose();
            Store.Dispose();
            LoopThread.Dispose();
        }
    }
}
