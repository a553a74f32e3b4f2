using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Skep.Dispatch;
using Skep.Dispatch.Leader;
using Skep.Dispatch.Logs;
using Skep.Log;
using Skep.Log.Transport;
using Skep.Manager;
using Skep.Rpc.Server;
using Skep.Security;
using LogBroker = Skep.Dispatch.Logs.LogBroker;
using Task = System.Threading.Tasks.Task;

namespace Skep.Daemon.Swarm;

/// <summary>The cluster port (2377): where engines join, hold their sessions and get their tasks.</summary>
internal sealed class ClusterServer : IAsyncDisposable
{
    /// <summary>A status report of 10,000 tasks is some 3 MB.</summary>
    private const int MaxMessageBytes = 16 << 20;

    /// <summary>A line of a log is 16 KB in stock's drivers; those of others send up to 1 MB.</summary>
    private const int MaxLogMessageBytes = 2 << 20;

    private readonly RpcServer _server;
    private readonly ClusterSecurity _security;
    private readonly NodeSessions _sessions;
    private readonly CutOff _cutOff;
    private readonly UnheldSessions _unheld;
    private readonly NodeFeeds _feeds;
    private readonly SessionBalance _balance;
    private readonly StatusIntake _statuses;
    private readonly DispatcherService _dispatcher;
    private readonly LogBroker _logs;
    private readonly ManagerCertificateRenewal _renewal;
    private readonly CancellationTokenSource _closing = new();
    private Task _renewing = Task.CompletedTask;

    public ClusterServer(IPEndPoint listen, ManagerService manager, ManagerPeers peers, Replica replica, ulong raftId, ManagerCertificate certificate, DispatchOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        _sessions = new NodeSessions(manager, options, time, random, loggers.CreateLogger<NodeSessions>());
        _cutOff = new CutOff(peers, _sessions, time, loggers.CreateLogger<CutOff>());
        _unheld = new UnheldSessions(peers, manager, _sessions, time);
        _feeds = new NodeFeeds(manager.Store);
        _balance = new SessionBalance(manager, _sessions, _feeds, options, time, loggers.CreateLogger<SessionBalance>());
        _statuses = new StatusIntake(manager, options, time, loggers.CreateLogger<StatusIntake>());
        _dispatcher = new DispatcherService(manager, _sessions, _feeds, _statuses, new IdleTime().WasThere, options, time, loggers.CreateLogger<DispatcherService>());
        _logs = new LogBroker(manager.Store, options, time, new Random(random.Next()), peers);

        _security = new ClusterSecurity(manager, certificate, id => replica.Membership.Contains(id), time, loggers);
        var methods = _security.AddTo(new MethodTable())
            .Add(binder => DispatcherBase.BindService(binder, _dispatcher), MaxMessageBytes)
            .Add(binder => Wire.ResourceAllocator.BindService(binder, new ResourceAllocatorService(manager)), MaxMessageBytes)
            .Add(binder => Wire.LogBroker.BindService(binder, new LogBrokerService(_logs)), MaxLogMessageBytes)
            .Add(binder => Dispatch.LogSharing.ManagerLogs.BindService(binder, new ManagerLogsService(manager, _logs, options, time)), MaxMessageBytes)
            .Add(binder => Wire.Health.BindService(binder, new HealthService()), MaxMessageBytes)
            .Add(binder => Wire.Control.BindService(binder, new ControlService()), MaxMessageBytes)
            .Add(binder => Log.Transport.Raft.BindService(binder, new RaftService(replica, raftId, loggers.CreateLogger<RaftService>())), RaftService.MaxMessageBytes)
            .Add(binder => Leader.BindService(binder, new LeaderService(manager)), MaxMessageBytes);
        _server = _security.Serve(listen, methods);
        _renewal = new ManagerCertificateRenewal(certificate, manager, _security.Signer, time, new Random(random.Next()), loggers.CreateLogger<ManagerCertificateRenewal>());
    }

    /// <summary>The logs of tasks, from the engines that are connected here and to the other managers.</summary>
    public ILogReader Logs => _logs;

    /// <exception cref="IOException">The port is taken.</exception>
    public void Start()
    {
        _server.Start();
        _renewing = _renewal.RunAsync(_closing.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _renewing.ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
        // Ends the streams, so that the server has nothing to wait for.
        _balance.Dispose();
        _cutOff.Dispose();
        _unheld.Dispose();
        _sessions.Dispose();
        _logs.Dispose();
        _dispatcher.Dispose();
        await _server.DisposeAsync().ConfigureAwait(false);
        _security.Dispose();
        await _statuses.DisposeAsync().ConfigureAwait(false);
        _feeds.Dispose();
        _closing.Dispose();
    }
}
