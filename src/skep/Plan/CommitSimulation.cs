using Skep.Raft;

namespace Skep.Cli.Plan;

/// <summary>
/// How long commits take between given sites: the real Raft core, messages that take as long as the links, writes that take as long as the disk,
/// on a clock that jumps from event to event. The same conditions give the same figures. The processors' time is not in it.
/// </summary>
internal sealed class CommitSimulation
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(100);

    // Longer than an election takes over the slowest links that a plan may have.
    private static readonly TimeSpan ElectionPatience = TimeSpan.FromSeconds(10);

    // A turn of the manager's loop is some hundred bytes at rest; only its being an entry counts here, not its size.
    private static readonly byte[] Turn = new byte[200];

    private readonly CommitConditions _conditions;
    private readonly Random _random;
    private readonly PriorityQueue<Action, (TimeSpan Time, long Order)> _events = new();
    private readonly Dictionary<ulong, SimulatedManager> _managers = [];
    private readonly Dictionary<(ulong From, ulong To), TimeSpan> _lastArrival = [];
    private readonly Dictionary<ulong, TimeSpan> _proposedAt = [];
    private readonly List<TimeSpan> _latencies = [];
    private readonly SimulatedManager _leader;
    private TimeSpan _now;
    private long _scheduled;
    private int _proposed;
    private bool _leads;

    private CommitSimulation(CommitConditions conditions)
    {
        _conditions = conditions;
        _random = new Random(conditions.Seed);
        var topology = conditions.Topology;
        var voters = Enumerable.Range(1, topology.Managers).Select(id => (ulong)id).ToArray();
        foreach (var id in voters)
        {
            var site = topology.SiteOf((int)id - 1);
            if (site != conditions.SiteDown)
                _managers[id] = new SimulatedManager(id, site, voters, conditions.Seed, this);
        }
        _leader = _managers.Values.First(manager => manager.Site == conditions.LeaderSite);
    }

    /// <summary>Null when the leader is not elected: there is no majority.</summary>
    public static CommitLatency? Run(CommitConditions conditions) => new CommitSimulation(conditions).Run();

    private CommitLatency? Run()
    {
        foreach (var manager in _managers.Values)
            At(TickInterval * _random.NextDouble(), () => Tick(manager));
        _leader.Node.Campaign();
        _leader.Work();
        while (_latencies.Count < _conditions.Proposals && (_leader.IsLeader || (!_leads && _now < ElectionPatience)) && _events.TryDequeue(out var happens, out var due))
        {
            _now = due.Time;
            happens();
        }
        return _latencies.Count < _conditions.Proposals ? null : CommitLatency.Of(_latencies);
    }

    /// <summary>Puts messages on their links. A link is a connection: what was sent first arrives first.</summary>
    public void Send(SimulatedManager from, IEnumerable<Message> messages)
    {
        foreach (var message in messages)
        {
            if (!_managers.TryGetValue(message.To, out var to))
                continue;
            var delay = _conditions.Sites.RoundTrip(from.Site, to.Site) / 2;
            var arrival = _now + delay + (delay * (_conditions.LinkJitter * Exponential()));
            var last = _lastArrival.GetValueOrDefault((from.Id, to.Id));
            arrival = arrival > last ? arrival : last;
            _lastArrival[(from.Id, to.Id)] = arrival;
            At(arrival, () =>
            {
                to.Node.Step(message);
                to.Work();
            });
        }
    }

    public void AfterSync(Action then) => At(_now + _conditions.Disk.Draw(_random), then);

    /// <summary>The first entry that the leader applies in its term tells that it leads; from then on it is given proposals.</summary>
    public void Applied(SimulatedManager manager, Entry entry)
    {
        if (manager != _leader || !_leader.IsLeader)
            return;
        if (_proposedAt.Remove(entry.Index, out var proposedAt))
            _latencies.Add(_now - proposedAt);
        if (_leads)
            return;
        _leads = true;
        // Not in the middle of the Ready that is being done.
        At(_now + Gap(), Propose);
    }

    private void Propose()
    {
        if (_leader.Node.Propose(Turn) is not { Accepted: true } proposal)
            return;
        _proposedAt[proposal.Index] = _now;
        if (++_proposed < _conditions.Proposals)
            At(_now + Gap(), Propose);
        _leader.Work();
    }

    private void Tick(SimulatedManager manager)
    {
        manager.Node.Tick();
        manager.Work();
        At(_now + TickInterval, () => Tick(manager));
    }

    private TimeSpan Gap() => TimeSpan.FromSeconds(Exponential() / _conditions.ProposalsPerSecond);

    private double Exponential() => -Math.Log(1 - _random.NextDouble());

    private void At(TimeSpan time, Action happens) => _events.Enqueue(happens, (time, _scheduled++));
}
