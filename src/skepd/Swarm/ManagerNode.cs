using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Skep.Api.Swarm;
using Skep.Dispatch;
using Skep.Dispatch.Logs;
using Skep.Log;
using Skep.Manager;
using Skep.Security;
using Skep.Security.Keys;
using Skep.Security.Managers;
using Skep.Storage;

namespace Skep.Daemon.Swarm;

/// <summary>
/// This daemon's part in a cluster: how it becomes a manager (init, join, promotion), goes on as one (start), stands by (joined as a
/// worker, or demoted), and leaves. The engine beside it is always a worker; it joins and leaves together with the daemon.
/// </summary>
internal sealed class ManagerNode : ISwarmLifecycle, IAsyncDisposable
{
    private const string Locked = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.";

    private const string NotManager = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.";

    private const string AlreadyInSwarm = "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.";

    /// <summary>As stock.</summary>
    private static readonly TimeSpan JoinTimeout = TimeSpan.FromSeconds(20);

    /// <summary>How long the end of the daemon waits for a join, a promotion or a demotion that is under way.</summary>
    private static readonly TimeSpan ChangePatience = TimeSpan.FromSeconds(4);

    /// <summary>How long one that leaves by force waits until the others have let it go.</summary>
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly CancellationTokenSource _closing = new();
    private readonly string _dataDirectory;
    private readonly LocalEngine _engine;
    private readonly DispatchOptions _dispatch;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger<ManagerNode> _logger;
    private readonly ManagersClient _client;
    private RunningManager? _running;
    private SwarmFile? _locked; // who this manager is, while its keys wait for docker swarm unlock
    private Standby? _standby;
    private RoleWatch? _roleWatch;
    private Task _engineWatch = Task.CompletedTask;
    private volatile SwarmStatus _status = SwarmStatus.Inactive;

    public ManagerNode(string dataDirectory, LocalEngine engine, DispatchOptions dispatch, TimeProvider time, ILoggerFactory loggers)
    {
        _dataDirectory = dataDirectory;
        _engine = engine;
        _dispatch = dispatch;
        _time = time;
        _loggers = loggers;
        _logger = loggers.CreateLogger<ManagerNode>();
        _client = new ManagersClient(CertificateDirectory, time);
    }

    /// <summary>The manager cannot go on (its disk failed): the daemon must end with this error.</summary>
    public event Action<Exception>? Failed;

    public event Action? Changed;

    public SwarmStatus Status => _running is { } running ? _status with { LeaderId = running.Peers.LeaderManagerId } : _status;

    public IManager? Manager => _running?.Manager;

    /// <summary>This manager's, while it is one.</summary>
    public ManagerCertificate? Certificate => _running?.Certificate;

    /// <summary>The logs of the cluster's tasks while this daemon manages one.</summary>
    public ILogReader? Logs => _running?.Logs;

    private string CertificateDirectory => DataDirectory.CertificatesOf(_dataDirectory);

    /// <summary>Goes on where the last run ended. Without a cluster it only looks where the engine stands.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        System.IO.Directory.CreateDirectory(_dataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (SwarmFile.Read(_dataDirectory) is not { } file)
        {
            _engineWatch = FollowEngineAsync(_closing.Token);
            return;
        }
        SetStatus(new SwarmStatus(LocalNodeState.Pending, file.NodeId));
        try
        {
            await GoOnAsync(file, unlockKey: default).ConfigureAwait(false);
        }
        catch (ManagerLockedException)
        {
            _locked = file;
            SetStatus(new SwarmStatus(LocalNodeState.Locked, NodeAddr: HostOf(file.AdvertiseAddr)));
            _logger.LogWarning("this manager is locked: its state is encrypted and waits for docker swarm unlock");
        }
    }

    public Task<string> InitAsync(SwarmInit init, CancellationToken cancellation) => OneAtATimeAsync(() => InitCoreAsync(init, cancellation), cancellation);

    public Task JoinAsync(SwarmJoin join, CancellationToken cancellation) => OneAtATimeAsync(() => JoinCoreAsync(join, cancellation), cancellation);

    public Task LeaveAsync(bool force, CancellationToken cancellation) => OneAtATimeAsync(() => LeaveCoreAsync(force, cancellation), cancellation);

    public Task UnlockAsync(string unlockKey, CancellationToken cancellation) => OneAtATimeAsync(() => UnlockCoreAsync(unlockKey), cancellation);

    public Task<string> GetUnlockKeyAsync(CancellationToken cancellation)
    {
        var key = _running?.Manager.Store.Read(state => state.Cluster) is { } cluster ? Wire.UnlockKey.Of(cluster) : default;
        return Task.FromResult(key.IsEmpty ? "" : Wire.UnlockKey.Format(key.Span));
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _engineWatch.ConfigureAwait(false);
        // A change of role that has begun is finished, if it is quick.
        await ((Task)_one.WaitAsync(ChangePatience)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseAsync().ConfigureAwait(false);
        _closing.Dispose();
        _one.Dispose();
    }

    private async Task<string> InitCoreAsync(SwarmInit init, CancellationToken cancellation)
    {
        if (init.ForceNewCluster && SwarmFile.Read(_dataDirectory) is { } present)
            return await GoOnAloneAsync(present, init, cancellation).ConfigureAwait(false);
        ThrowIfInSwarm();
        var listen = SwarmAddresses.Listen(init.ListenAddr);
        var advertise = SwarmAddresses.Advertise(init.AdvertiseAddr, listen);
        await _engine.ThrowIfInSwarmAsync(cancellation).ConfigureAwait(false);
        var file = new SwarmFile
        {
            ManagerId = ClusterFactory.NewId(),
            RaftId = DataDirectory.NewRaftId(),
            ListenAddr = listen.ToString(),
            AdvertiseAddr = advertise.ToString(),
            DataPathAddr = SwarmAddresses.DataPath(init.DataPathAddr),
        };
        // What an init left that was killed half-way.
        Forget();
        SetStatus(new SwarmStatus(LocalNodeState.Pending, NodeAddr: advertise.Address.ToString()));
        try
        {
            var (cluster, certificate) = MakeCluster(init, file);
            await OpenAsync(file, ReplicaStart.NewGroup, certificate, cluster).ConfigureAwait(false);
            await JoinEngineAsync(init.Availability, cancellation).ConfigureAwait(false);
        }
        catch
        {
            // A cluster that could not be made whole is not kept: the user tries again from nothing, and so does the engine.
            await _engine.LeaveAnyAsync(_logger).ConfigureAwait(false);
            await CloseAsync().ConfigureAwait(false);
            Forget();
            throw;
        }
        _engineWatch = KeepEngineJoinedAsync(_closing.Token);
        return _status.NodeId;
    }

    /// <summary>docker swarm init --force-new-cluster on a manager: it goes on without the others, with all that its log holds.</summary>
    private async Task<string> GoOnAloneAsync(SwarmFile file, SwarmInit init, CancellationToken cancellation)
    {
        if (_locked is not null)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, Locked);
        if (file.Standby)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, NotManager);
        var (listen, advertise) = SwarmAddresses.Change(file.ListenAddr, file.AdvertiseAddr, init.ListenAddr, init.AdvertiseAddr);
        var certificate = _running?.Certificate ?? ManagerCertificate.Load(CertificateDirectory, unlockKey: default);
        await CloseAsync().ConfigureAwait(false);
        try
        {
            var next = await Task.Run(() => LoneCluster.Continue(_dataDirectory, file, listen, advertise, certificate.Keys, _logger), cancellation).ConfigureAwait(false);
            _logger.LogWarning("this manager goes on alone, as raft member {RaftId:x} at {Address}: the other managers are none any more", next.RaftId, advertise);
            await OpenAsync(next, ReplicaStart.Existing, certificate).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _logger.LogError("--force-new-cluster failed: {Reason}", StartFailure.Describe(e));
            await ResumeAsync(certificate).ConfigureAwait(false);
            throw StartFailure.IsExpected(e) ? new SwarmLifecycleException(LifecycleError.Failed, StartFailure.Describe(e), e) : e;
        }
        return _status.NodeId;
    }

    /// <summary>Goes on as what swarm.json says, as far as that works: the operator reads why not, and may try something else.</summary>
    private async Task ResumeAsync(ManagerCertificate certificate)
    {
        try
        {
            if (_running is null && SwarmFile.Read(_dataDirectory) is { } file)
                await OpenAsync(file, DataDirectory.StartOf(_dataDirectory, file), certificate).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            SetStatus(_status with { State = LocalNodeState.Error, ManagerId = "", LeaderId = "", Error = StartFailure.Describe(e) });
        }
    }

    private (Wire.Cluster Cluster, ManagerCertificate Certificate) MakeCluster(SwarmInit init, SwarmFile file)
    {
        var cluster = ClusterFactory.Create(new ClusterSettings
        {
            Spec = init.Spec,
            DefaultAddressPools = init.DefaultAddrPool,
            SubnetSize = init.SubnetSize,
            DataPathPort = init.DataPathPort,
        }, _time.GetUtcNow());
        using var root = RootCertificateAuthority.Load(cluster.RootCa.CaCert, cluster.RootCa.CaKey);
        var keys = ManagerKeys.Create(CertificateDirectory, Wire.UnlockKey.Of(cluster), unlockKeyVersion: 0);
        var certificate = ManagerCertificate.Create(CertificateDirectory, keys, root, file.ManagerId, cluster.Id, ClusterFactory.NodeCertificateLifetime(cluster.Spec), _time.GetUtcNow());
        return (cluster, certificate);
    }

    /// <summary>Goes on as what this host was.</summary>
    /// <exception cref="ManagerLockedException">Not with this unlock key.</exception>
    private async Task GoOnAsync(SwarmFile file, ReadOnlyMemory<byte> unlockKey)
    {
        var certificate = ManagerCertificate.Load(CertificateDirectory, unlockKey);
        DataDirectory.DeleteLogsBut(_dataDirectory, file);
        if (file.Standby)
            StandBy(file, certificate);
        else
            await OpenAsync(file, DataDirectory.StartOf(_dataDirectory, file), certificate).ConfigureAwait(false);
        _locked = null;
        if (!_engine.Exists && _running is { File.NodeId: "" })
            await JoinEngineAsync(Wire.NodeSpec.Types.Availability.Active, _closing.Token).ConfigureAwait(false);
        _engineWatch = KeepEngineJoinedAsync(_closing.Token);
    }

    private async Task<bool> UnlockCoreAsync(string unlockKey)
    {
        if (_locked is not { } file)
            throw new SwarmLifecycleException(LifecycleError.Conflict, "swarm is not locked");
        try
        {
            await GoOnAsync(file, Wire.UnlockKey.Parse(unlockKey)).ConfigureAwait(false);
            return true;
        }
        catch (FormatException e)
        {
            throw new SwarmLifecycleException(LifecycleError.InvalidParameter, e.Message, e);
        }
        catch (ManagerLockedException e)
        {
            throw new SwarmLifecycleException(LifecycleError.Unauthorized, "swarm could not be unlocked: invalid key provided", e);
        }
        catch (Exception e) when (StartFailure.IsExpected(e))
        {
            _logger.LogError("this manager was unlocked and could not be started: {Reason}", StartFailure.Describe(e));
            throw new SwarmLifecycleException(LifecycleError.Failed, $"swarm component could not be started: {StartFailure.Describe(e)}", e);
        }
    }

    private async Task OpenAsync(SwarmFile file, ReplicaStart start, ManagerCertificate certificate, Wire.Cluster? cluster = null)
    {
        var running = await RunningManager.OpenAsync(
            file, _dataDirectory, start, certificate, fault => Failed?.Invoke(fault), () => SetLeader(file), _time, _loggers).ConfigureAwait(false);
        try
        {
            if (file.Joining)
            {
                // Before anyone can be told that something is in this log.
                file = file with { Joining = false };
                file.Write(_dataDirectory);
                running.File = file;
            }
            if (file.GoesOnAlone)
            {
                await running.Manager.SubmitAsync(new ForceNewCluster(ManagerOf(file, running.Manager.Self))).ConfigureAwait(false);
                file = file with { GoesOnAlone = false };
                file.Write(_dataDirectory);
                running.File = file;
                DataDirectory.DeleteLogsBut(_dataDirectory, file);
            }
            if (cluster is not null)
            {
                await running.Manager.SubmitAsync(new InitCluster(cluster, ManagerOf(file, running.Manager.Self))).ConfigureAwait(false);
                file.Write(_dataDirectory);
            }
            running.Serve(certificate, _dispatch, _loggers);
        }
        catch
        {
            await running.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        _running = running;
        _roleWatch = new RoleWatch(running, _dataDirectory, _time, DemotedAsync, Removed);
        Changed?.Invoke();
        SetActive(file);
    }

    private void StandBy(SwarmFile file, ManagerCertificate certificate)
    {
        _standby = new Standby(file, certificate, _dataDirectory, _client, PromotedAsync, Removed, _time, _loggers.CreateLogger<Standby>());
        SetStatus(new SwarmStatus(LocalNodeState.Active, file.NodeId, HostOf(file.AdvertiseAddr)));
    }

    /// <summary>docker node promote.</summary>
    private Task<bool> PromotedAsync(WatchReply reply, GrpcChannel manager) => OneAtATimeAsync(async () =>
    {
        if (_standby is not { } standby)
            return false;
        var certificate = await _client.RenewAsync(manager, standby.Keys, _closing.Token).ConfigureAwait(false);
        // In a folder of its own: what a demotion that was interrupted left behind is in no way.
        var file = standby.File with { Standby = false, Joining = true, RaftId = reply.RaftId, LogFolder = DataDirectory.NewLogFolder(reply.RaftId) };
        file.Write(_dataDirectory);
        DataDirectory.DeleteLogsBut(_dataDirectory, file);
        _standby = null;
        _logger.LogInformation("this host is promoted to manager");
        // It is this call that the standby waits for.
        _ = standby.DisposeAsync().AsTask();
        try
        {
            await OpenAsync(file, ReplicaStart.Join, certificate).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _logger.LogError("this host is promoted and could not become a manager: {Reason}; restart skepd, or let another manager demote it", StartFailure.Describe(e));
            SetStatus(_status with { State = LocalNodeState.Error, Error = $"could not become a manager: {StartFailure.Describe(e)}" });
        }
        return true;
    }, _closing.Token);

    /// <summary>docker node demote.</summary>
    private Task<bool> DemotedAsync(RunningManager running) => OneAtATimeAsync(async () =>
    {
        if (_running != running)
            return false;
        _logger.LogInformation("this host is demoted to worker");
        var file = running.File with { Standby = true, Joining = false, RaftId = 0, Peers = running.OtherManagers() };
        SetStatus(new SwarmStatus(LocalNodeState.Active, file.NodeId, HostOf(file.AdvertiseAddr)));
        await CloseAsync().ConfigureAwait(false);
        // A worker has nothing to lock. First, so that there is never a worker that waits for an unlock key.
        running.Certificate.Keys.Unlock();
        file.Write(_dataDirectory);
        DataDirectory.DeleteLogsBut(_dataDirectory, null);
        StandBy(file, running.Certificate);
        return true;
    }, _closing.Token);

    /// <summary>Another manager removed this host: what it knows is of no use any more, and nobody may be misled by it.</summary>
    private void Removed(object part, string reason) => _ = OneAtATimeAsync(async () =>
    {
        // Not if this host left by itself meanwhile.
        if (part != _running && part != _standby)
            return false;
        _logger.LogError("this host was removed from the cluster ({Reason}): let it leave with 'docker swarm leave --force', then it can join again", reason);
        await CloseAsync().ConfigureAwait(false);
        SetStatus(_status with { State = LocalNodeState.Error, ManagerId = "", LeaderId = "", Error = "this node was removed from the swarm: run \"docker swarm leave --force\" and join again" });
        return true;
    }, _closing.Token);

    /// <summary>Lets the engine join, or without one makes this host a node that runs nothing.</summary>
    private async Task JoinEngineAsync(Wire.NodeSpec.Types.Availability availability, CancellationToken cancellation)
    {
        var running = _running!;
        var nodeId = running.File.ManagerId;
        if (_engine.Exists)
        {
            var token = running.Manager.Store.Read(state => state.Cluster!.RootCa.JoinTokens.Worker);
            var host = HostOf(running.File.AdvertiseAddr);
            var joined = await _engine.JoinAsync(new EngineJoin(token, [running.File.AdvertiseAddr], host, running.File.DataPathAddr, availability.ToString().ToLowerInvariant()), cancellation).ConfigureAwait(false);
            nodeId = joined.NodeId;
        }
        else
        {
            await running.Manager.SubmitAsync(new HostWithoutEngine(nodeId, Environment.MachineName, HostOf(running.File.AdvertiseAddr)), cancellation).ConfigureAwait(false);
        }
        await BecomeNodeAsync(running, nodeId, cancellation).ConfigureAwait(false);
    }

    private async Task BecomeNodeAsync(RunningManager running, string nodeId, CancellationToken cancellation)
    {
        var file = running.File with { NodeId = nodeId };
        await running.Manager.SubmitAsync(new ManagerReport(file.ManagerId, file.NodeId, file.AdvertiseAddr, Run: "", Format: 0), cancellation).ConfigureAwait(false);
        file.Write(_dataDirectory);
        running.File = file;
        SetActive(file);
        _logger.LogInformation("this host is node {NodeId} of the cluster", nodeId);
    }

    private async Task<bool> JoinCoreAsync(SwarmJoin join, CancellationToken cancellation)
    {
        ThrowIfInSwarm();
        var listen = SwarmAddresses.Listen(join.ListenAddr);
        var advertise = join.AdvertiseAddr.Length == 0
            ? new System.Net.IPEndPoint(SwarmAddresses.Toward(join.RemoteAddrs[0]), listen.Port)
            : SwarmAddresses.Advertise(join.AdvertiseAddr, listen);
        await _engine.ThrowIfInSwarmAsync(cancellation).ConfigureAwait(false);
        Forget();
        if (await _client.JoinAsync(join, advertise.ToString(), JoinTimeout, cancellation).ConfigureAwait(false) is not { } joined)
        {
            // A stock manager: it knows engines only.
            await _engine.JoinAsWorkerAsync(join, cancellation).ConfigureAwait(false);
            await LookAtEngineAsync(cancellation).ConfigureAwait(false);
            return true;
        }
        var file = new SwarmFile
        {
            ManagerId = joined.Reply.ManagerId,
            RaftId = joined.Reply.RaftId,
            ListenAddr = listen.ToString(),
            AdvertiseAddr = advertise.ToString(),
            DataPathAddr = SwarmAddresses.DataPath(join.DataPathAddr),
            Standby = joined.Reply.RaftId == 0,
            Joining = joined.Reply.RaftId != 0,
            Peers = [.. joined.Reply.Peers.Select(peer => new SwarmPeer(peer.RaftId, peer.Addr))],
        };
        file.Write(_dataDirectory);
        SetStatus(new SwarmStatus(LocalNodeState.Pending, NodeAddr: advertise.Address.ToString()));
        try
        {
            if (file.Standby)
                await JoinAsStandbyAsync(join, file, joined.Certificate, cancellation).ConfigureAwait(false);
            else
                await JoinAsManagerAsync(join, file, joined.Certificate, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await _engine.LeaveAnyAsync(_logger).ConfigureAwait(false);
            await LetGoAsync().ConfigureAwait(false);
            await CloseAsync().ConfigureAwait(false);
            Forget();
            throw;
        }
        _engineWatch = KeepEngineJoinedAsync(_closing.Token);
        return true;
    }

    private async Task JoinAsManagerAsync(SwarmJoin join, SwarmFile file, ManagerCertificate certificate, CancellationToken cancellation)
    {
        await OpenAsync(file, ReplicaStart.Join, certificate).ConfigureAwait(false);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(JoinTimeout);
        try
        {
            await _running!.JoinedAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new SwarmLifecycleException(LifecycleError.Unavailable, $"the other managers did not take this one in within {JoinTimeout.TotalSeconds} s: can they reach {file.AdvertiseAddr}?");
        }
        await JoinEngineAsync(join.Availability, cancellation).ConfigureAwait(false);
    }

    private async Task JoinAsStandbyAsync(SwarmJoin join, SwarmFile file, ManagerCertificate certificate, CancellationToken cancellation)
    {
        StandBy(file, certificate);
        var engine = await _engine.JoinAsWorkerAsync(join, cancellation).ConfigureAwait(false);
        _standby!.Remember(engine.NodeId);
        await _standby.AtManagerAsync(manager => ManagersClient.ReportAsync(manager, engine.NodeId, file.AdvertiseAddr, cancellation)).ConfigureAwait(false);
        SetStatus(new SwarmStatus(LocalNodeState.Active, engine.NodeId, HostOf(file.AdvertiseAddr)));
        _logger.LogInformation("this host is node {NodeId} of the cluster; skepd stands by beside its engine", engine.NodeId);
    }

    private async Task<bool> LeaveCoreAsync(bool force, CancellationToken cancellation)
    {
        if (_running is null && _standby is null && SwarmFile.Read(_dataDirectory) is null)
        {
            await _engine.LeaveAsync(force, cancellation).ConfigureAwait(false);
            await LookAtEngineAsync(cancellation).ConfigureAwait(false);
            return true;
        }
        await _engine.LeaveAnyAsync(_logger).ConfigureAwait(false);
        await LetGoAsync().ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        Forget();
        _logger.LogInformation("this host has left the cluster");
        return true;
    }

    /// <summary>Tells the others that this host leaves, so that their quorum does not count on it. Whoever cannot be told finds out.</summary>
    private async Task LetGoAsync()
    {
        using var timeout = new CancellationTokenSource(LeaveTimeout, _time);
        try
        {
            if (_standby is { } standby)
                await standby.AtManagerAsync(manager => ManagersClient.LeaveAsync(manager, timeout.Token)).WaitAsync(timeout.Token).ConfigureAwait(false);
            else if (_running is { } running && running.OtherManagers().Count > 0)
                await running.LeaveGroupAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or ControlException or OperationCanceledException)
        {
            _logger.LogWarning("the other managers could not be told that this host leaves: {Reason}; remove it there: docker node demote, docker node rm --force", e.Message);
        }
    }

    /// <summary>
    /// After a start: the engine may have lost its part (its data was wiped) or may not be up yet; or this manager came back from a backup, and the engine
    /// is a node of its cluster already.
    /// </summary>
    private Task KeepEngineJoinedAsync(CancellationToken closing) => _engine.UntilItAnswersAsync(async () =>
    {
        var engine = await _engine.AskAsync(closing).ConfigureAwait(false);
        if (_running is not { } running)
            return;
        if (engine.IsInactive)
            await JoinEngineAsync(Wire.NodeSpec.Types.Availability.Active, closing).ConfigureAwait(false);
        else if (running.File.NodeId.Length == 0 && running.Manager.Store.Read(state => state.Nodes.ContainsKey(engine.NodeId)))
            await BecomeNodeAsync(running, engine.NodeId, closing).ConfigureAwait(false);
        else if (running.File.NodeId.Length == 0)
            _logger.LogWarning("the engine beside skepd is part of another swarm (state {State}): let it leave, and start skepd again: docker -H <engine socket> swarm leave --force", engine.State);
    }, _time, _logger, closing);

    private Task FollowEngineAsync(CancellationToken closing) =>
        _engine.UntilItAnswersAsync(() => _running is null ? LookAtEngineAsync(closing) : Task.CompletedTask, _time, _logger, closing);

    /// <summary>While this daemon is no manager, its part in a swarm is its engine's.</summary>
    private async Task LookAtEngineAsync(CancellationToken cancellation)
    {
        var engine = await _engine.AskAsync(cancellation).ConfigureAwait(false);
        if (_running is not null)
            return;
        SetStatus(engine.Status);
    }

    private async Task CloseAsync()
    {
        var (running, standby, roleWatch) = (_running, _standby, _roleWatch);
        (_running, _standby, _roleWatch) = (null, null, null);
        Changed?.Invoke();
        roleWatch?.Dispose();
        if (standby is not null)
            await standby.DisposeAsync().ConfigureAwait(false);
        if (running is not null)
            await running.DisposeAsync().ConfigureAwait(false);
    }

    private void ThrowIfInSwarm()
    {
        if (_running is not null || _standby is not null || SwarmFile.Read(_dataDirectory) is not null)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, AlreadyInSwarm);
    }

    private void Forget()
    {
        _locked = null;
        SetStatus(SwarmStatus.Inactive);
        // The file goes first: without it, what is left is no cluster.
        System.IO.File.Delete(SwarmFile.PathIn(_dataDirectory));
        DataDirectory.DeleteLogsBut(_dataDirectory, null);
        if (System.IO.Directory.Exists(CertificateDirectory))
            System.IO.Directory.Delete(CertificateDirectory, recursive: true);
    }

    private void SetActive(SwarmFile file) =>
        SetStatus(new SwarmStatus(LocalNodeState.Active, file.NodeId, HostOf(file.AdvertiseAddr), file.ManagerId));

    private void SetLeader(SwarmFile file)
    {
        if (_running is { } running && running.File.ManagerId == file.ManagerId)
            SetActive(running.File);
    }

    private void SetStatus(SwarmStatus status)
    {
        _status = status;
        Changed?.Invoke();
    }

    private async Task<T> OneAtATimeAsync<T>(Func<Task<T>> action, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await action().ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    private static State.Manager ManagerOf(SwarmFile file, ManagerSelf self) => new() { Run = self.Run, FormatRun = self.Run, Format = State.ClusterState.Format, Id = file.ManagerId, RaftId = file.RaftId, Addr = file.AdvertiseAddr, NodeId = file.NodeId };

    private static string HostOf(string address) => System.Net.IPEndPoint.Parse(address).Address.ToString();
}
