using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Skep.Log;
using Skep.Manager;
using Skep.Raft;
using Skep.State;

namespace Skep.Daemon.Swarm;

/// <summary>
/// On the leader: makes the Raft group follow what the state says of its managers, one change at a time, and notes in the state which of them
/// can be heard. Whatever it was in the middle of when it died, the next leader goes on with.
/// </summary>
internal sealed class MembershipKeeper : IAsyncDisposable
{
    /// <summary>A learner may vote when it lacks no more entries than this: what is left comes within a heartbeat.</summary>
    private const ulong MaxLag = 500;

    private static readonly TimeSpan QuickInterval = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>A manager that was not heard from for so long is shown as unreachable.</summary>
    private static readonly TimeSpan UnreachableAfter = TimeSpan.FromSeconds(3);

    /// <summary>
    /// A member that was demoted is told so before it is removed: afterwards it would hear nothing more, and whoever waits there for its own
    /// demotion would wait in vain. Some heartbeats carry the news.
    /// </summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromMilliseconds(500);

    /// <summary>Who began to join and was not heard from for so long must begin anew.</summary>
    private static readonly TimeSpan JoinPatience = TimeSpan.FromMinutes(2);

    private readonly ManagerService _service;
    private readonly StateStore _store;
    private readonly IReplica _replica;
    private readonly Leadership _leadership;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<None> _news = Channel.CreateBounded<None>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _closing = new();
    private readonly IDisposable _subscription;
    private readonly Dictionary<ulong, long> _heard = [];
    private readonly Dictionary<ulong, long> _unwanted = [];
    private readonly Task _running;

    public MembershipKeeper(ManagerService service, IReplica replica, Leadership leadership, TimeProvider time, ILogger logger)
    {
        _service = service;
        _store = service.Store;
        _replica = replica;
        _leadership = leadership;
        _time = time;
        _logger = logger;
        _subscription = _store.Subscribe(changes =>
        {
            if (changes.Any(change => change is ManagerChange))
                LookAgain();
        }, LookAgain);
        _running = Waiting.Start(RunAsync);
    }

    /// <summary>The leadership has come, or the group has changed.</summary>
    public void LookAgain() => _news.Writer.TryWrite(default);

    public async ValueTask DisposeAsync()
    {
        _subscription.Dispose();
        _closing.Cancel();
        await _running;
        _closing.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            var wait = Interval;
            try
            {
                wait = _service.IsLeader ? await KeepAsync() : Forget();
            }
            catch (Exception e) when (e is NotLeaderException or ProposalDroppedException or ReplicaStoppedException or ControlException or InputNotTakenException)
            {
                // Not now: the leadership was lost, or an earlier change is not through yet.
                _logger.LogDebug("membership: {Reason}", e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await NewsAsync(wait);
        }
    }

    private async Task NewsAsync(TimeSpan wait)
    {
        using var timeout = new CancellationTokenSource(wait, _time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _closing.Token);
        try
        {
            await _news.Reader.ReadAsync(ended.Token);
        }
        catch (OperationCanceledException)
        {
            // Time to look, or closed.
        }
    }

    /// <summary>What was heard in another term says nothing of this one.</summary>
    private TimeSpan Forget()
    {
        _heard.Clear();
        _unwanted.Clear();
        return Interval;
    }

    private async Task<TimeSpan> KeepAsync()
    {
        var managers = _store.Read(state => state.Managers.Values.ToList());
        // Alone, and nobody comes or goes: nothing to look at until the state changes.
        if (managers is [{ IsVoter: true }] && _replica.Membership is { Voters.Count: 1, Learners.Count: 0 })
            return Timeout.InfiniteTimeSpan;
        var status = await _replica.StatusAsync(_closing.Token);
        Hear(status);
        if (await RemoveOneAsync(managers, status) || await AddOneAsync(managers, status))
            return QuickInterval;
        await NoteReachabilityAsync(managers, status);
        return _unwanted.Keys.Any(status.Membership.Contains) || managers.Exists(manager => manager.IsMember && manager.Joining) ? QuickInterval : Interval;
    }

    private void Hear(Status status)
    {
        var now = _time.GetTimestamp();
        foreach (var peer in status.Peers)
        {
            if (peer.RecentActive || !_heard.ContainsKey(peer.Id))
                _heard[peer.Id] = now;
        }
    }

    private async Task<bool> RemoveOneAsync(List<State.Manager> managers, Status status)
    {
        var wanted = managers.Where(manager => manager.IsMember).Select(manager => manager.RaftId).ToHashSet();
        foreach (var peer in status.Peers.Where(peer => !wanted.Contains(peer.Id)))
        {
            if (peer.Id == status.Id)
            {
                // A leader does not remove itself: its successor does.
                await _leadership.PassOnAsync(_closing.Token);
                return true;
            }
            _unwanted.TryAdd(peer.Id, _time.GetTimestamp());
            if (peer.RecentActive && _time.GetElapsedTime(_unwanted[peer.Id]) < Farewell)
                continue;
            _logger.LogInformation("raft member {Id:x} leaves the group", peer.Id);
            await _replica.ChangeMembershipAsync(new ConfChange(ConfChangeKind.Remove, peer.Id), _closing.Token);
            return true;
        }
        return false;
    }

    private async Task<bool> AddOneAsync(List<State.Manager> managers, Status status)
    {
        foreach (var manager in managers.Where(manager => manager.IsMember && manager.Joining))
        {
            if (status.Membership.IsVoter(manager.RaftId))
            {
                await _service.TakeAsync(new ManagerCaughtUp(manager.Id), _closing.Token);
                _logger.LogInformation("manager {ManagerId} at {Address} has caught up and votes", manager.Id, manager.Addr);
                return true;
            }
            if (!status.Membership.IsLearner(manager.RaftId))
            {
                _logger.LogInformation("manager {ManagerId} at {Address} joins the raft group as learner {Id:x}", manager.Id, manager.Addr, manager.RaftId);
                await _replica.ChangeMembershipAsync(new ConfChange(ConfChangeKind.AddLearner, manager.RaftId), _closing.Token);
                return true;
            }
            var learner = status.Peers.First(peer => peer.Id == manager.RaftId);
            if (learner.RecentActive && learner.Match > 0 && learner.PendingSnapshot == 0 && learner.Match + MaxLag >= status.LastIndex)
            {
                await _replica.ChangeMembershipAsync(new ConfChange(ConfChangeKind.AddVoter, manager.RaftId), _closing.Token);
                return true;
            }
            if (_time.GetElapsedTime(_heard[manager.RaftId]) > JoinPatience)
            {
                _logger.LogWarning("manager {ManagerId} at {Address} began to join and is not heard from: it is taken out again", manager.Id, manager.Addr);
                await _service.TakeAsync(new RemoveManager(manager.Id), _closing.Token);
                return true;
            }
        }
        return false;
    }

    private async Task NoteReachabilityAsync(List<State.Manager> managers, Status status)
    {
        foreach (var manager in managers.Where(manager => manager.IsVoter))
        {
            var isReachable = manager.RaftId == status.Id || (_heard.TryGetValue(manager.RaftId, out var heard) && _time.GetElapsedTime(heard) < UnreachableAfter);
            if (isReachable != manager.Unreachable)
                continue;
            if (isReachable)
                _logger.LogInformation("manager {ManagerId} at {Address} is heard from again", manager.Id, manager.Addr);
            else
                _logger.LogWarning("manager {ManagerId} at {Address} is unreachable", manager.Id, manager.Addr);
            await _service.TakeAsync(new ManagerReachability(manager.Id, isReachable), _closing.Token);
        }
    }
}
