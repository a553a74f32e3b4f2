using Grpc.Core;

namespace Skep.Daemon.Swarm;

/// <summary>
/// Finds out that this manager was demoted or removed: by its own state, or, since one that was taken out may never hear of it, by
/// asking the others when nobody leads for a while. Also remembers where the others are.
/// </summary>
internal sealed class RoleWatch : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>An election takes 1 to 2 s.</summary>
    private static readonly TimeSpan LeaderPatience = TimeSpan.FromSeconds(6);

    /// <summary>A demoted manager's vote may be needed for its own removal, so it stays until that is through, but no longer than this.</summary>
    private static readonly TimeSpan RemovalPatience = TimeSpan.FromSeconds(15);

    private readonly RunningManager _manager;
    private readonly string _dataDirectory;
    private readonly TimeProvider _time;
    private readonly Func<RunningManager, Task> _demoted;
    private readonly Action<RunningManager, string> _removed;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopped;

    /// <param name="manager">This one.</param>
    /// <param name="dataDirectory">Where it remembers.</param>
    /// <param name="time">The clock.</param>
    /// <param name="demoted">It is out of the Raft group and stands by; called once.</param>
    /// <param name="removed">It belongs to the cluster no more; called once, with the reason.</param>
    public RoleWatch(RunningManager manager, string dataDirectory, TimeProvider time, Func<RunningManager, Task> demoted, Action<RunningManager, string> removed)
    {
        _manager = manager;
        _dataDirectory = dataDirectory;
        _time = time;
        _demoted = demoted;
        _stopped = _stop.Token;
        _removed = removed;
        _ = Task.Run(RunAsync);
    }

    /// <summary>Ends it; also from inside of what it calls.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var wasKnown = false;
        var leaderless = TimeSpan.Zero;
        while (!_stopped.IsCancellationRequested)
        {
            await Task.Delay(Interval, _time, _stopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stopped.IsCancellationRequested)
                return;
            RememberOthers();
            var self = _manager.Self;
            leaderless = _manager.Peers.HasLeader ? TimeSpan.Zero : leaderless + Interval;
            if (self is { IsMember: false } || (self is not null && !IsThis(self.RaftId)))
            {
                await UntilOutAsync().ConfigureAwait(false);
                await _demoted(_manager).ConfigureAwait(false);
                return;
            }
            if (self is null && wasKnown)
            {
                _removed(_manager, "by the state");
                return;
            }
            wasKnown |= self is not null;
            if (leaderless >= LeaderPatience && await AskOthersAsync().ConfigureAwait(false))
                return;
        }
    }

    /// <summary>Demoted and promoted again, it is a member under a new id, with a new log; this one is over.</summary>
    private bool IsThis(ulong raftId) => raftId == _manager.File.RaftId;

    private void RememberOthers()
    {
        var others = _manager.OtherManagers();
        if (others.Count == 0 || _manager.File.Peers.SequenceEqual(others))
            return;
        _manager.File = _manager.File with { Peers = others };
        _manager.File.Write(_dataDirectory);
    }

    private async Task UntilOutAsync()
    {
        var began = _time.GetTimestamp();
        while (_time.GetElapsedTime(began) < RemovalPatience && !_stopped.IsCancellationRequested)
        {
            foreach (var channel in _manager.Peers.Others.Select(other => other.Channel))
            {
                try
                {
                    var reply = await ManagersClient.AskAsync(channel, _stopped).ConfigureAwait(false);
                    if (!reply.RaftMember || !IsThis(reply.RaftId))
                        return;
                }
                catch (RpcException)
                {
                    // The next one, then.
                }
            }
            await Task.Delay(Interval / 4, _time, _stopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>True when this manager's time is over.</summary>
    private async Task<bool> AskOthersAsync()
    {
        foreach (var channel in _manager.Peers.Others.Select(other => other.Channel))
        {
            try
            {
                var reply = await ManagersClient.AskAsync(channel, _stopped).ConfigureAwait(false);
                if (IsThis(reply.RaftId) && (!reply.Standby || reply.RaftMember))
                    continue;
                await _demoted(_manager).ConfigureAwait(false);
                return true;
            }
            catch (RpcException e) when (ManagersClient.IsRemoval(e))
            {
                _removed(_manager, e.Status.Detail);
                return true;
            }
            catch (RpcException)
            {
                // It has no leader either, or is not there.
            }
        }
        return false;
    }
}
