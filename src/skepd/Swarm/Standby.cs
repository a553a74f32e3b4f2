using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Skep.Security;
using Skep.Security.Keys;
using Skep.Security.Managers;
using Skep.Storage;

namespace Skep.Daemon.Swarm;

/// <summary>
/// A skepd of the cluster that is no manager: it watches the managers for its promotion, remembers where they are, and keeps its
/// certificate fresh.
/// </summary>
internal sealed class Standby : IAsyncDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    /// <summary>A stream is opened again after so long, to look whether the certificate is due.</summary>
    private static readonly TimeSpan RenewalCheck = TimeSpan.FromHours(1);

    private readonly string _dataDirectory;
    private readonly ManagersClient _client;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closing = new();
    private readonly Func<WatchReply, GrpcChannel, Task> _promoted;
    private readonly Action<Standby, string> _removed;
    private readonly Task _watching;
    private ManagerCertificate _certificate;

    /// <param name="file">Who it is, and where the managers are.</param>
    /// <param name="certificate">Its certificate.</param>
    /// <param name="dataDirectory">For what it remembers.</param>
    /// <param name="client">Talks to the managers.</param>
    /// <param name="promoted">It shall be a manager; called once, at the end.</param>
    /// <param name="removed">It belongs to the cluster no more; called once, at the end, with the reason.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what operators should know.</param>
    public Standby(
        SwarmFile file, ManagerCertificate certificate, string dataDirectory, ManagersClient client, Func<WatchReply, GrpcChannel, Task> promoted, Action<Standby, string> removed, TimeProvider time, ILogger logger)
    {
        File = file;
        _certificate = certificate;
        _dataDirectory = dataDirectory;
        _client = client;
        _promoted = promoted;
        _removed = removed;
        _time = time;
        _logger = logger;
        _watching = Task.Run(RunAsync);
    }

    public SwarmFile File { get; private set; }

    public ManagerKeys Keys => _certificate.Keys;

    /// <summary>Does something at the first manager that answers.</summary>
    /// <exception cref="RpcException">None did.</exception>
    public async Task AtManagerAsync(Func<GrpcChannel, Task> act)
    {
        RpcException? last = null;
        foreach (var peer in File.Peers)
        {
            try
            {
                using var channel = Open(peer.Addr);
                await act(channel).ConfigureAwait(false);
                return;
            }
            catch (RpcException e)
            {
                last = e;
            }
        }
        throw last ?? new RpcException(new Status(StatusCode.Unavailable, "no manager is known"));
    }

    /// <summary>Notes the node of the engine beside it.</summary>
    public void Remember(string nodeId)
    {
        File = File with { NodeId = nodeId };
        File.Write(_dataDirectory);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _closing.Dispose();
    }

    private GrpcChannel Open(string address) => ManagerChannel.Open(address, _certificate, new ClusterTrust(_certificate, _time));

    private async Task RunAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            foreach (var peer in File.Peers)
            {
                using var channel = Open(peer.Addr);
                try
                {
                    if (await WatchAsync(channel).ConfigureAwait(false))
                        return;
                }
                catch (RpcException e) when (ManagersClient.IsRemoval(e))
                {
                    _removed(this, e.Status.Detail);
                    return;
                }
                catch (Exception e) when (!_closing.IsCancellationRequested)
                {
                    _logger.LogDebug("the manager at {Address} cannot be watched: {Reason}", peer.Addr, e.Message);
                }
            }
            await Task.Delay(Retry, _time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>True when there is nothing more to watch for.</summary>
    private async Task<bool> WatchAsync(GrpcChannel channel)
    {
        if (_certificate.IsRenewalDue(_time.GetUtcNow()))
            return await RenewAsync(channel).ConfigureAwait(false);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        until.CancelAfter(RenewalCheck);
        using var call = new Managers.ManagersClient(channel).Watch(new WatchRequest(), cancellationToken: until.Token);
        while (await call.ResponseStream.MoveNext(until.Token).ConfigureAwait(false))
        {
            var reply = call.ResponseStream.Current;
            Remember([.. reply.Peers.Select(peer => new SwarmPeer(peer.RaftId, peer.Addr))]);
            if (!reply.Roots.IsEmpty)
                _certificate.Trust(reply.Roots);
            if (reply.Standby && !reply.Issuer.IsEmpty && !_certificate.IsOf(reply.Issuer, _time.GetUtcNow()))
                return await RenewAsync(channel).ConfigureAwait(false);
            if (reply.Standby)
                continue;
            await _promoted(reply, channel).ConfigureAwait(false);
            return true;
        }
        return false;
    }

    /// <summary>The next connection shows the new certificate: that is how the managers see that it is there.</summary>
    private async Task<bool> RenewAsync(GrpcChannel channel)
    {
        _certificate = await _client.RenewAsync(channel, Keys, _closing.Token).ConfigureAwait(false);
        return false;
    }

    private void Remember(SwarmPeer[] peers)
    {
        if (peers.Length == 0 || File.Peers.SequenceEqual(peers))
            return;
        File = File with { Peers = peers };
        File.Write(_dataDirectory);
    }
}
