namespace Skep.Raft;

/// <summary>A leader's view of all other members. Of itself it knows what is on its own disk, and needs no more.</summary>
internal sealed class ProgressTracker(RaftCore core)
{
    private readonly SortedDictionary<ulong, Progress> _progress = [];

    /// <summary>In order of id, so that the same events give the same messages.</summary>
    public IEnumerable<KeyValuePair<ulong, Progress>> Peers => _progress;

    public Progress? this[ulong id] => _progress.GetValueOrDefault(id);

    /// <summary>The highest index that is on the disks of a majority.</summary>
    public ulong QuorumMatch => Quorum.Reached(core.Membership.Voters,
        id => id == core.Id ? core.Log.PersistedIndex : this[id]?.Match ?? 0);

    public bool QuorumActive =>
        core.Membership.Voters.Count(id => id == core.Id || this[id]?.RecentActive == true)
        >= Quorum.MajorityOf(core.Membership.Voters.Count);

    /// <summary>Forgets who left and begins to follow who came.</summary>
    /// <param name="next">Where to begin to send to newcomers.</param>
    /// <param name="active">Whether newcomers count as heard from.</param>
    public void Follow(Membership membership, ulong next, bool active)
    {
        foreach (var id in _progress.Keys.Where(id => !membership.Contains(id)).ToArray())
            _progress.Remove(id);
        foreach (var id in membership.Voters.Concat(membership.Learners).Where(id => id != core.Id && !_progress.ContainsKey(id)))
        {
            var inflights = new Inflights(core.Config.MaxInflightMessages, core.Config.MaxInflightBytes);
            _progress.Add(id, new Progress(next, inflights) { RecentActive = active });
        }
    }

    public void MarkAllInactive()
    {
        foreach (var (_, progress) in _progress)
            progress.RecentActive = false;
    }

    public IReadOnlyList<PeerStatus> Status() =>
    [
        .. core.Membership.Voters.Concat(core.Membership.Learners).Order().Select(id =>
        {
            var isLearner = core.Membership.IsLearner(id);
            return this[id] is { } p
                ? new PeerStatus(id, isLearner, p.State, p.Match, p.Next, p.RecentActive, p.PendingSnapshot, p.Paused)
                : new PeerStatus(id, isLearner, ProgressState.Replicate, core.Log.PersistedIndex, core.Log.LastIndex + 1, true, 0, false);
        }),
    ];
}
