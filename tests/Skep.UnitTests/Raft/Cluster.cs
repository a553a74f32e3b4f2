using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>
/// Members on one table and the network between them, all moved by hand. Nothing happens by itself: a test ticks members, lets
/// them do their Readys, and delivers, drops or holds back what is on the wire.
/// </summary>
internal sealed class Cluster
{
    private readonly SortedDictionary<ulong, Member> _members = [];
    private readonly HashSet<(ulong From, ulong To)> _cut = [];
    private readonly Func<RaftConfig, RaftConfig> _adjust;
    private readonly Dictionary<ulong, string[]> _snapshots = new() { [1] = [] };

    private Cluster(Func<RaftConfig, RaftConfig>? adjust) => _adjust = adjust ?? (config => config);

    /// <summary>On the wire: sent, neither delivered nor lost.</summary>
    public List<Message> Wire { get; } = [];

    public Member this[ulong id] => _members[id];

    public IEnumerable<Member> Members => _members.Values;

    public Member? Leader => Members.Where(m => m.IsUp && m.Role == Role.Leader).MaxBy(m => m.Term);

    /// <summary>A new group of voters 1..n and learners after them; nobody leads yet.</summary>
    public static Cluster Of(int voters, int learners = 0, Func<RaftConfig, RaftConfig>? adjust = null)
    {
        var cluster = new Cluster(adjust);
        var first = new Membership(Ids(1, voters), Ids(voters + 1, learners));
        foreach (var id in Ids(1, voters + learners))
            cluster.Add(id, new MemoryLog(new SnapshotMetadata(1, 1, first), new HardState(1, NodeId.None, 1)));
        return cluster;
    }

    /// <summary>A new group that member 1 leads, and everyone knows it.</summary>
    public static Cluster Led(int voters, int learners = 0, Func<RaftConfig, RaftConfig>? adjust = null)
    {
        var cluster = Of(voters, learners, adjust);
        cluster.Elect(1);
        return cluster;
    }

    /// <summary>Puts one more member on the table, by default one that knows nothing.</summary>
    public Member Add(ulong id, MemoryLog? disk = null) =>
        _members[id] = new Member(() => _adjust(new RaftConfig { Id = id, Seed = 7 }), disk ?? new MemoryLog(), _snapshots);

    /// <summary>Has a member stand and lets everything happen that follows.</summary>
    public void Elect(ulong id)
    {
        this[id].Node.Campaign();
        Settle();
        Assert.Equal(Role.Leader, this[id].Role);
    }

    /// <summary>Has members do all their Readys; what they send goes on the wire.</summary>
    public void Work(params ulong[] ids)
    {
        foreach (var id in ids)
            Send(this[id].HandleAll());
    }

    public void Send(IEnumerable<Message> messages)
    {
        foreach (var message in messages)
        {
            if (IsCut(message))
                Lose(message);
            else
                Wire.Add(message);
        }
    }

    /// <summary>A message does not arrive. Of a snapshot the sender is told, as a transport would do.</summary>
    public void Lose(Message message)
    {
        if (message.Type == MessageType.Snapshot && _members.TryGetValue(message.From, out var sender) && sender.IsUp)
            sender.Node.ReportSnapshot(message.To, succeeded: false);
    }

    /// <summary>Delivers all that is on the wire to a member, of one type or any.</summary>
    public void Deliver(ulong to, MessageType? type = null)
    {
        foreach (var message in Take(m => m.To == to && (type is null || m.Type == type)))
            Deliver(message);
    }

    public void Deliver(Message message)
    {
        if (!_members.TryGetValue(message.To, out var member) || !member.IsUp)
        {
            Lose(message);
            return;
        }
        member.Node.Step(message);
        if (message.Type == MessageType.Snapshot && _members[message.From].IsUp)
            _members[message.From].Node.ReportSnapshot(message.To, succeeded: true);
    }

    /// <summary>Takes what is on the wire to a member off it; nobody is told.</summary>
    public void Drop(ulong to) => Take(m => m.To == to);

    /// <summary>Works and delivers between some members (or all) until nothing moves. What goes to others stays on the wire.</summary>
    public void Settle(params ulong[] ids)
    {
        var among = Members.Where(m => m.IsUp && (ids.Length == 0 || ids.Contains(m.Id))).ToArray();
        for (var round = 0; round < 1000; round++)
        {
            foreach (var member in among)
                Send(member.HandleAll());
            var messages = Take(m => among.Any(member => member.Id == m.To));
            if (messages.Count == 0)
                return;
            foreach (var message in messages)
                Deliver(message);
        }
        Assert.Fail("the group does not come to rest");
    }

    /// <summary>Time passes for all, and everything that follows happens.</summary>
    public void Pass(int ticks)
    {
        for (var i = 0; i < ticks; i++)
        {
            foreach (var member in Members.Where(m => m.IsUp))
                member.Tick();
            Settle();
            Wire.Clear();
        }
    }

    /// <summary>From now on nothing passes between these and the others.</summary>
    public void Isolate(params ulong[] ids)
    {
        foreach (var inside in ids)
        {
            foreach (var outside in _members.Keys.Except(ids))
                _cut.UnionWith([(inside, outside), (outside, inside)]);
        }
        foreach (var message in Take(IsCut))
            Lose(message);
    }

    public void Heal() => _cut.Clear();

    public bool IsCut(Message message) => _cut.Contains((message.From, message.To));

    private List<Message> Take(Predicate<Message> which)
    {
        var taken = Wire.FindAll(which);
        Wire.RemoveAll(which);
        return taken;
    }

    private static IEnumerable<ulong> Ids(int first, int count) => Enumerable.Range(first, count).Select(id => (ulong)id);
}
