using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Net.Client;
using Skep.Dispatch;
using Skep.Dispatch.Leader;
using Skep.Security;
using Skep.Security.Managers;
using Skep.State;
using Skep.Storage;

namespace Skep.Daemon.Swarm;

/// <summary>The other managers: where they are, by the state and, until that has come, by what this host remembers; and who leads.</summary>
/// <param name="selfRaftId">This manager.</param>
/// <param name="remembered">From swarm.json.</param>
/// <param name="store">The committed state.</param>
/// <param name="certificate">This manager's.</param>
/// <param name="trust">Judges the others.</param>
internal sealed class ManagerPeers(ulong selfRaftId, IReadOnlyList<SwarmPeer> remembered, StateStore store, ManagerCertificate certificate, ClusterTrust trust) : ILeaderLocator, IManagerPeers, IDisposable
{
    /// <summary>How long a leader that leads no more may still answer what it was asked.</summary>
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, GrpcChannel> _channels = new();
    private readonly Lock _leaderLock = new();
    private ulong _leaderRaftId;
    private CancellationTokenSource _leads = new();

    public bool HasLeader => Volatile.Read(ref _leaderRaftId) != 0;

    /// <summary>The leader's key in the state; empty while none is known.</summary>
    public string LeaderManagerId => Find(Volatile.Read(ref _leaderRaftId))?.Id ?? "";

    public LeaderAddress? Leader
    {
        get
        {
            lock (_leaderLock)
            {
                if (_leaderRaftId == 0 || _leaderRaftId == selfRaftId || ChannelOf(_leaderRaftId) is not { } channel)
                    return null;
                return new LeaderAddress(channel, _leads.Token);
            }
        }
    }

    /// <summary>Every other manager with a vote, and the way to it.</summary>
    public IReadOnlyList<ManagerPeer> Others =>
        [.. store.Read(state => state.Managers.Values.Where(manager => manager.IsVoter && manager.RaftId != selfRaftId).ToList())
            .Select(manager => new ManagerPeer(manager.Id, Open(manager.Addr)))];

    /// <summary>The way to a Raft member; null when its address is not known.</summary>
    public ChannelBase? ChannelOf(ulong raftId)
    {
        var address = Find(raftId)?.Addr ?? remembered.FirstOrDefault(peer => peer.RaftId == raftId)?.Addr;
        return address is null ? null : Open(address);
    }

    /// <summary>Called by the log; 0: nobody leads as far as known.</summary>
    public void SetLeader(ulong raftId)
    {
        CancellationTokenSource former;
        lock (_leaderLock)
        {
            former = _leads;
            _leads = new CancellationTokenSource();
            Volatile.Write(ref _leaderRaftId, raftId);
        }
        // A former leader that lives says by itself what it has not taken; one that hangs says nothing.
        former.CancelAfter(AnswerPatience);
    }

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
            channel.Dispose();
        _leads.Cancel();
    }

    private State.Manager? Find(ulong raftId) =>
        raftId == 0 ? null : store.Read(state => state.Managers.Values.FirstOrDefault(manager => manager.RaftId == raftId));

    private GrpcChannel Open(string address) => _channels.GetOrAdd(address, static (to, own) => ManagerChannel.Open(to, own.certificate, own.trust), (certificate, trust));
}
