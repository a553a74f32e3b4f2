using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log.Transport;

/// <summary>Carries messages to the other members by gRPC: one stream to each, kept open, and one call for each snapshot.</summary>
/// <param name="channelOf">How to reach a member; null when its address is not known.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For what operators should know.</param>
public sealed class GrpcTransport(Func<ulong, ChannelBase?> channelOf, TimeProvider time, ILogger logger) : ITransport, IAsyncDisposable
{
    private readonly ConcurrentDictionary<ulong, RaftPeer> _peers = new();
    private readonly CancellationTokenSource _closing = new();
    private Replica? _replica;

    /// <summary>Sends for this replica; before that nothing is sent.</summary>
    public void Attach(Replica replica) => _replica = replica;

    public void Send(IReadOnlyList<Message> messages)
    {
        if (_replica is not { } replica || _closing.IsCancellationRequested)
            return;
        foreach (var message in messages)
        {
            var peer = _peers.GetOrAdd(message.To, id => new RaftPeer(id, replica, channelOf, time, logger, _closing.Token));
            peer.Send(message);
        }
    }

    /// <summary>Members that have left are forgotten, with the stream to them.</summary>
    public async Task KeepOnlyAsync(Membership membership)
    {
        ArgumentNullException.ThrowIfNull(membership);
        foreach (var (id, peer) in _peers)
        {
            if (!membership.Contains(id) && _peers.TryRemove(KeyValuePair.Create(id, peer)))
                await peer.DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        foreach (var peer in _peers.Values)
            await peer.DisposeAsync().ConfigureAwait(false);
        _closing.Dispose();
    }
}
