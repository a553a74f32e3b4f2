using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Skep.Dispatch;
using Skep.Dispatch.Logs;
using Skep.Log;
using Skep.Manager;
using Skep.Security;
using Skep.State;

namespace Skep.Daemon.Swarm;

/// <summary>A manager at work: log, state, loop, and the cluster port. Made by init, or at start from what is on the disk.</summary>
internal sealed class RunningManager : IAsyncDisposable
{
    private readonly ILogger _logger;
    private readonly Replica _replica;
    private readonly ManagerService _service;
    private readonly StateStore _store;
    private readonly IDisposable _settings;
    private ClusterServer? _server;

    private RunningManager(SwarmFile file, StateStore store, ManagerService service, Replica replica, Action<Exception> onFailed, ILogger logger)
    {
        File = file;
        _store = store;
        _service = service;
        _replica = replica;
        _logger = logger;
        service.Failed += onFailed;
        _ = replica.Stopped.ContinueWith(stopped => onFailed(stopped.Exception!.InnerException!), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        store.SubscriberFailed += fault => logger.LogError(fault, "a listener of the state failed: {Reason}; restart skepd if something stands still", fault.Message);
        _settings = store.Subscribe(OnChanges);
        Configure(store.Read(state => state.Cluster));
    }

    public SwarmFile File { get; set; }

    public IManager Manager => _service;

    /// <summary>The logs of tasks; null until the cluster port is open.</summary>
    public ILogReader? Logs => _server?.Logs;

    public static string LogDirectory(string dataDirectory) => Path.Combine(dataDirectory, "raft");

    /// <summary>Opens the log and, since it is alone in its group, leads when this returns.</summary>
    /// <param name="file">Who this manager is.</param>
    /// <param name="dataDirectory">Where its log is.</param>
    /// <param name="bootstrap">Begins a new log.</param>
    /// <param name="onFailed">The log or the loop cannot go on (disk full, failing disk, a fault of ours): the daemon must end.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">For what operators should know.</param>
    public static async Task<RunningManager> OpenAsync(SwarmFile file, string dataDirectory, bool bootstrap, Action<Exception> onFailed, TimeProvider time, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger<RunningManager>();
        var store = new StateStore();
        var proposer = new ReplicaProposer();
        var service = new ManagerService(new ManagerSelf(file.ManagerId, ClusterFactory.NewId()), store, proposer, ManagerRules.Create, () => RandomNumberGenerator.GetBytes(32), time, loggers.CreateLogger<ManagerService>());
        var leads = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var options = new ReplicaOptions
        {
            Directory = LogDirectory(dataDirectory),
            NodeId = file.RaftId,
            Start = bootstrap ? ReplicaStart.NewGroup : ReplicaStart.Existing,
            LeadershipChanged = (isLeader, term) => _ = OnLeadershipAsync(isLeader),
        };
        async Task OnLeadershipAsync(bool isLeader)
        {
            await opened.Task.ConfigureAwait(false);
            if (isLeader)
                service.StartLeading();
            else
                await service.StopLeadingAsync().ConfigureAwait(false);
            leads.TrySetResult();
        }
        var replica = await Replica.OpenAsync(options, new SwarmStateMachine(store), time, transport: null, logger).ConfigureAwait(false);
        proposer.Replica = replica;
        opened.SetResult();
        await leads.Task.ConfigureAwait(false);
        return new RunningManager(file, store, service, replica, onFailed, logger);
    }

    /// <summary>Opens the cluster port: engines may come.</summary>
    public async Task ServeAsync(ManagerCertificate certificate, DispatchOptions dispatch, TimeProvider time, ILoggerFactory loggers)
    {
        _server = new ClusterServer(IPEndPoint.Parse(File.ListenAddr), _service, certificate, dispatch, time, loggers);
        await _server.StartAsync().ConfigureAwait(false);
        _logger.LogInformation("the cluster port is open on {Address}", File.ListenAddr);
    }

    public async ValueTask DisposeAsync()
    {
        _settings.Dispose();
        if (_server is not null)
            await _server.DisposeAsync().ConfigureAwait(false);
        await _service.DisposeAsync().ConfigureAwait(false);
        await _replica.DisposeAsync().ConfigureAwait(false);
        _store.Dispose();
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
}
