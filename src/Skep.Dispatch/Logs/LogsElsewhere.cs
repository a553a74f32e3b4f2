using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Skep.Dispatch.LogSharing;

namespace Skep.Dispatch.Logs;

/// <summary>For one reader: asks the other managers for what their nodes have, and hands it to the subscription.</summary>
/// <remarks>
/// A reader that follows asks a manager again that was lost, and managers that are new, for what was said since. A node that moves to
/// another manager meanwhile is asked anew there, and may repeat itself.
/// </remarks>
internal sealed class LogsElsewhere : IAsyncDisposable
{
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly LogBroker _broker;
    private readonly LogSubscription _subscription;
    private readonly IManagerPeers _peers;
    private readonly DispatchOptions _options;
    private readonly TimeProvider _time;
    private readonly Task _running;

    public LogsElsewhere(LogBroker broker, LogSubscription subscription, IManagerPeers peers, DispatchOptions options, TimeProvider time)
    {
        _broker = broker;
        _subscription = subscription;
        _peers = peers;
        _options = options;
        _time = time;
        _running = Task.Run(subscription.Follows ? FollowAsync : CollectAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task CollectAsync()
    {
        try
        {
            var request = new LogShareRequest { Selector = _subscription.Selector, Options = _subscription.Options, NodeIds = { _broker.Elsewhere(_subscription) } };
            if (request.NodeIds.Count > 0)
                await Task.WhenAll(_peers.Others.Select(peer => CollectFromAsync(peer, request))).ConfigureAwait(false);
        }
        finally
        {
            _broker.EndElsewhere(_subscription);
        }
    }

    private async Task CollectFromAsync(ManagerPeer peer, LogShareRequest request)
    {
        var asked = new HashSet<string>();
        var failures = new Dictionary<string, string>();
        try
        {
            await foreach (var share in AskAsync(peer, request).ConfigureAwait(false))
            {
                _broker.BegunElsewhere(_subscription, share.AskedNodeIds);
                asked.UnionWith(share.AskedNodeIds);
                foreach (var failure in share.Failures)
                    failures[failure.NodeId] = failure.Reason;
                await DeliverAsync(share).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is RpcException or IOException or OperationCanceledException)
        {
            // How many of its nodes had sent everything is not known.
            _broker.Absent(_subscription, peer.ManagerId);
            foreach (var nodeId in asked)
                failures[nodeId] = $"node {nodeId} disconnected unexpectedly";
        }
        foreach (var nodeId in asked)
            _broker.Done(_subscription, nodeId, failures.GetValueOrDefault(nodeId));
    }

    private async Task FollowAsync()
    {
        var streams = new Dictionary<string, Task>();
        DateTimeOffset? since = null;
        try
        {
            while (true)
            {
                foreach (var peer in _peers.Others)
                {
                    if (!streams.TryGetValue(peer.ManagerId, out var stream) || stream.IsCompleted)
                        streams[peer.ManagerId] = FollowOneAsync(peer, since);
                }
                since = _time.GetUtcNow();
                await Task.Delay(RetryPeriod, _time, _stop.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            await Task.WhenAll(streams.Values).ConfigureAwait(false);
        }
    }

    /// <param name="peer">Whom to ask.</param>
    /// <param name="since">When all was well last; null: at the beginning, when what the reader asked for is what he gets.</param>
    private async Task FollowOneAsync(ManagerPeer peer, DateTimeOffset? since)
    {
        var options = _subscription.Options.Clone();
        if (since is { } time)
        {
            options.Since = Timestamp.FromDateTimeOffset(time);
            options.Tail = 0;
        }
        try
        {
            await foreach (var share in AskAsync(peer, new LogShareRequest { Selector = _subscription.Selector, Options = options }).ConfigureAwait(false))
                await DeliverAsync(share).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or IOException or OperationCanceledException)
        {
            // It is asked again soon, unless the reader has left.
        }
    }

    /// <summary>A manager answers at once, or it counts as absent; its nodes may take their time.</summary>
    private async IAsyncEnumerable<LogShare> AskAsync(ManagerPeer peer, LogShareRequest request)
    {
        using var patience = new CancellationTokenSource(_options.PeerPatience, _time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stop.Token);
        using var call = new ManagerLogs.ManagerLogsClient(peer.Channel).Subscribe(request, cancellationToken: ended.Token);
        while (await call.ResponseStream.MoveNext(ended.Token).ConfigureAwait(false))
        {
            patience.CancelAfter(Timeout.InfiniteTimeSpan);
            yield return call.ResponseStream.Current;
        }
    }

    private async ValueTask DeliverAsync(LogShare share)
    {
        if (share.Messages.Count > 0)
            await _subscription.WriteAsync(share.Messages, _stop.Token).ConfigureAwait(false);
    }
}
