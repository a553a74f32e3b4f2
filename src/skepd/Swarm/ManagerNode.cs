using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Skep.Api.Swarm;
using Skep.Dispatch;
using Skep.Dispatch.Logs;
using Skep.Manager;
using Skep.Security;

namespace Skep.Daemon.Swarm;

/// <summary>
/// This daemon's part in a cluster: how it becomes a manager (init), goes on as one (start), and ceases to be one (leave). The
/// engine beside it is always a worker; it joins and leaves together with the manager.
/// </summary>
internal sealed class ManagerNode : ISwarmLifecycle, IAsyncDisposable
{
    private static readonly TimeSpan EngineRetry = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly CancellationTokenSource _closing = new();
    private readonly string _dataDirectory;
    private readonly LocalEngine _engine;
    private readonly DispatchOptions _dispatch;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger<ManagerNode> _logger;
    private RunningManager? _running;
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
    }

    /// <summary>The manager cannot go on (its disk failed): the daemon must end with this error.</summary>
    public event Action<Exception>? Failed;

    public event Action? Changed;

    public SwarmStatus Status => _status;

    public IManager? Manager => _running?.Manager;

    /// <summary>The logs of the cluster's tasks while this daemon manages one.</summary>
    public ILogReader? Logs => _running?.Logs;

    private string CertificateDirectory => Path.Combine(_dataDirectory, "certificates");

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
        await OpenAsync(file, bootstrap: false, ManagerCertificate.Load(CertificateDirectory)).ConfigureAwait(false);
        _engineWatch = KeepEngineJoinedAsync(_closing.Token);
    }

    public Task<string> InitAsync(SwarmInit init, CancellationToken cancellation) => OneAtATimeAsync(() => InitCoreAsync(init, cancellation), cancellation);

    public Task JoinAsync(SwarmJoin join, CancellationToken cancellation) => OneAtATimeAsync(() => JoinCoreAsync(join, cancellation), cancellation);

    public Task LeaveAsync(bool force, CancellationToken cancellation) => OneAtATimeAsync(() => LeaveCoreAsync(force, cancellation), cancellation);

    public Task UnlockAsync(string unlockKey, CancellationToken cancellation) =>
        throw new SwarmLifecycleException(LifecycleError.Conflict, "swarm is not locked");

    public Task<string> GetUnlockKeyAsync(CancellationToken cancellation) => Task.FromResult("");

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _engineWatch.ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        _closing.Dispose();
        _one.Dispose();
    }

    private async Task<string> InitCoreAsync(SwarmInit init, CancellationToken cancellation)
    {
        if (init.ForceNewCluster)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, "--force-new-cluster is not needed with one manager: start skepd on the data that is there");
        if (_running is not null || SwarmFile.Read(_dataDirectory) is not null)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.");
        var listen = SwarmAddresses.Listen(init.ListenAddr);
        var advertise = SwarmAddresses.Advertise(init.AdvertiseAddr, listen);
        if (_engine.Exists && await _engine.AskAsync(cancellation).ConfigureAwait(false) is { IsInactive: false } engine)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, $"The engine beside skepd is already part of a swarm (state {engine.State}). Let it leave first: \"docker -H <engine socket> swarm leave\".");
        var file = new SwarmFile
        {
            ManagerId = ClusterFactory.NewId(),
            RaftId = NewRaftId(),
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
            await OpenAsync(file, bootstrap: true, certificate, cluster).ConfigureAwait(false);
            await JoinEngineAsync(init.Availability, cancellation).ConfigureAwait(false);
        }
        catch
        {
            // A cluster that could not be made whole is not kept: the user tries again from nothing, and so does the engine.
            await LetEngineLeaveAsync().ConfigureAwait(false);
            await CloseAsync().ConfigureAwait(false);
            Forget();
            throw;
        }
        _engineWatch = KeepEngineJoinedAsync(_closing.Token);
        return _status.NodeId;
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
        var certificate = ManagerCertificate.Create(CertificateDirectory, root, file.ManagerId, cluster.Id, ClusterFactory.NodeCertificateLifetime(cluster.Spec), _time.GetUtcNow());
        return (cluster, certificate);
    }

    private async Task OpenAsync(SwarmFile file, bool bootstrap, ManagerCertificate certificate, Wire.Cluster? cluster = null)
    {
        var running = await RunningManager.OpenAsync(file, _dataDirectory, bootstrap, fault => Failed?.Invoke(fault), _time, _loggers).ConfigureAwait(false);
        try
        {
            if (cluster is not null)
            {
                await running.Manager.SubmitAsync(new InitCluster(cluster, ManagerOf(file, running.Manager.Self))).ConfigureAwait(false);
                file.Write(_dataDirectory);
            }
            await running.ServeAsync(certificate, _dispatch, _time, _loggers).ConfigureAwait(false);
        }
        catch
        {
            await running.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        _running = running;
        Changed?.Invoke();
        SetActive(file);
    }

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
            if (joined.State != "active")
                throw new SwarmLifecycleException(LifecycleError.Failed, $"the engine beside skepd did not become a node (state {joined.State}): {joined.Error}");
            nodeId = joined.NodeId;
        }
        else
        {
            await running.Manager.SubmitAsync(new HostWithoutEngine(nodeId, Environment.MachineName, HostOf(running.File.AdvertiseAddr)), cancellation).ConfigureAwait(false);
        }
        var file = running.File with { NodeId = nodeId };
        await running.Manager.SubmitAsync(new RegisterManager(ManagerOf(file, running.Manager.Self)), cancellation).ConfigureAwait(false);
        file.Write(_dataDirectory);
        running.File = file;
        SetActive(file);
        _logger.LogInformation("this host is node {NodeId} of the cluster", nodeId);
    }

    private async Task<bool> JoinCoreAsync(SwarmJoin join, CancellationToken cancellation)
    {
        if (_running is not null)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.");
        if (!_engine.Exists)
            throw new SwarmLifecycleException(LifecycleError.Unavailable, "There is no engine beside this skepd (--engine none), so it has nothing that could join as a worker; joining as a further manager is not available yet.");
        await _engine.JoinAsync(new EngineJoin(join.JoinToken, join.RemoteAddrs, join.AdvertiseAddr, join.DataPathAddr, join.Availability.ToString().ToLowerInvariant()), cancellation).ConfigureAwait(false);
        await LookAtEngineAsync(cancellation).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> LeaveCoreAsync(bool force, CancellationToken cancellation)
    {
        if (_running is null)
        {
            await _engine.LeaveAsync(force, cancellation).ConfigureAwait(false);
            await LookAtEngineAsync(cancellation).ConfigureAwait(false);
            return true;
        }
        await LetEngineLeaveAsync().ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        Forget();
        _logger.LogInformation("this host has left the cluster");
        return true;
    }

    /// <summary>An engine that is down or will not go keeps nobody here: the operator is told what to do.</summary>
    private async Task LetEngineLeaveAsync()
    {
        if (!_engine.Exists)
            return;
        try
        {
            if (await _engine.AskAsync(CancellationToken.None).ConfigureAwait(false) is { IsInactive: false })
                await _engine.LeaveAsync(force: true, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _logger.LogWarning("the engine beside skepd could not leave: {Reason}; let it leave by hand: docker -H <engine socket> swarm leave --force", e.Message);
        }
    }

    /// <summary>After a start: the engine may have lost its part (its data was wiped) or may not be up yet.</summary>
    private Task KeepEngineJoinedAsync(CancellationToken closing) => UntilEngineAnswersAsync(async () =>
    {
        if ((await _engine.AskAsync(closing).ConfigureAwait(false)).IsInactive && _running is not null)
            await JoinEngineAsync(Wire.NodeSpec.Types.Availability.Active, closing).ConfigureAwait(false);
    }, closing);

    private Task FollowEngineAsync(CancellationToken closing) =>
        UntilEngineAnswersAsync(() => _running is null ? LookAtEngineAsync(closing) : Task.CompletedTask, closing);

    /// <summary>Tries until it works: at boot the engine may come later than skepd.</summary>
    private async Task UntilEngineAnswersAsync(Func<Task> attempt, CancellationToken closing)
    {
        while (_engine.Exists && !closing.IsCancellationRequested)
        {
            try
            {
                await attempt().ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                _logger.LogWarning("the engine beside skepd does not answer yet: {Reason}", e.Message);
                await Task.Delay(EngineRetry, _time, closing).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
            }
        }
    }

    /// <summary>While this daemon is no manager, its part in a swarm is its engine's.</summary>
    private async Task LookAtEngineAsync(CancellationToken cancellation)
    {
        var engine = await _engine.AskAsync(cancellation).ConfigureAwait(false);
        if (_running is not null)
            return;
        LocalNodeState? part = engine.State switch
        {
            "active" => LocalNodeState.Active,
            "pending" => LocalNodeState.Pending,
            "error" => LocalNodeState.Error,
            "locked" => LocalNodeState.Locked,
            _ => null,
        };
        SetStatus(part is { } state ? new SwarmStatus(state, engine.NodeId, engine.NodeAddr, Error: engine.Error) : SwarmStatus.Inactive);
    }

    private async Task CloseAsync()
    {
        var running = _running;
        _running = null;
        Changed?.Invoke();
        if (running is not null)
            await running.DisposeAsync().ConfigureAwait(false);
    }

    private void Forget()
    {
        SetStatus(SwarmStatus.Inactive);
        // The file goes first: without it, what is left is no cluster.
        System.IO.File.Delete(SwarmFile.PathIn(_dataDirectory));
        foreach (var folder in new[] { CertificateDirectory, RunningManager.LogDirectory(_dataDirectory) })
        {
            if (System.IO.Directory.Exists(folder))
                System.IO.Directory.Delete(folder, recursive: true);
        }
    }

    private void SetActive(SwarmFile file) =>
        SetStatus(new SwarmStatus(LocalNodeState.Active, file.NodeId, HostOf(file.AdvertiseAddr), file.ManagerId, file.ManagerId));

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

    private static State.Manager ManagerOf(SwarmFile file, ManagerSelf self) => new() { Run = self.Run, Id = file.ManagerId, RaftId = file.RaftId, Addr = file.AdvertiseAddr, NodeId = file.NodeId };

    private static string HostOf(string address) => System.Net.IPEndPoint.Parse(address).Address.ToString();

    private static ulong NewRaftId() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;
}
