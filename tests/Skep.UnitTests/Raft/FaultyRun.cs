using System.Text;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>One run of <see cref="RandomFaultsTests"/>: everything it does follows from its seed.</summary>
internal sealed class FaultyRun
{
    private const int Steps = 2500;
    private const ulong Founders = 3;
    private const ulong MostMembers = 5;

    private readonly Random _random;
    private readonly Cluster _cluster;
    private readonly Dictionary<ulong, ulong> _leaderOfTerm = [];
    private readonly SortedDictionary<ulong, Entry> _committed = [];
    private readonly Dictionary<string, ulong> _reads = [];
    private int _proposals;

    public FaultyRun(int seed)
    {
        _random = new Random(seed);
        // Some runs without the two safeguards of liveness: safety must not need them.
        var (preVote, checkQuorum) = (seed % 4 != 1, seed % 4 != 2);
        _cluster = Cluster.Of((int)Founders, adjust: c => c with
        {
            Seed = seed,
            ElectionTicks = 5,
            PreVote = preVote,
            CheckQuorum = checkQuorum,
            MaxMessageBytes = 100,
            MaxCommittedBytes = 200,
            MaxInflightMessages = 4,
            MaxInflightBytes = 300,
        });
        for (var id = Founders + 1; id <= MostMembers; id++)
            _cluster.Add(id);
    }

    public int Step { get; private set; }

    public int Committed => _committed.Count;

    public int ConfChanges => _committed.Values.Count(e => e.Kind == EntryKind.ConfChange);

    public int Snapshots { get; private set; }

    public int Leaders => _leaderOfTerm.Count;

    public void Go()
    {
        for (; Step < Steps; Step++)
        {
            Act();
            CheckLeaders();
        }
        Recover();
    }

    private void Act()
    {
        var member = Pick(_cluster.Members.ToList());
        var what = _random.Next(1000);
        if (what < 4)
            _cluster.Heal();
        else if (what < 6)
            Split();
        else if (what < 10)
            Crash(_random.Next(2) == 0 ? member : _cluster.Leader ?? member);
        else if (!member.IsUp)
            Restart(member);
        else if (what < 120)
            member.Tick();
        else if (what < 180)
            (_cluster.Leader ?? member).Propose($"p{_proposals++}");
        else if (what < 195)
            Change(_cluster.Leader ?? member);
        else if (what < 200)
            member.Node.TransferLeader(Pick([.. _cluster.Members]).Id);
        else if (what < 215)
            Compact(member);
        else if (what < 230)
            Read(member);
        else if (what < 233)
            member.Node.ReportUnreachable(Pick([.. _cluster.Members]).Id);
        else if (what < 600)
            Work(member);
        else
            Network();
    }

    private void Split()
    {
        _cluster.Heal();
        _cluster.Isolate([.. _cluster.Members.Select(m => m.Id).Where(_ => _random.Next(2) == 0)]);
    }

    // Not at once: some runs have to do without a member for a while.
    private void Restart(Member member)
    {
        if (_random.Next(20) == 0)
            member.Start();
    }

    private void Work(Member member)
    {
        if (member.IsBusy)
        {
            Finish(member);
        }
        else if (member.Node.HasReady)
        {
            var ready = member.Begin();
            if (ready.Snapshot is not null)
                Snapshots++;
            // Often in one go, sometimes with other things in between.
            if (_random.Next(3) > 0)
                Finish(member);
        }
    }

    private void Finish(Member member)
    {
        var known = member.HandedOut.Count;
        var reads = member.Reads.Count;
        _cluster.Send(member.Finish(loseUnsynced: _random.Next(2) == 0));
        foreach (var entry in member.HandedOut.Skip(known))
            CheckCommitted(entry);
        foreach (var read in member.Reads.Skip(reads))
            Assert.True(read.Index >= _reads[Encoding.UTF8.GetString(read.Context.Span)], $"a read was answered with {read.Index}, older than what it must see");
    }

    // The power goes before anything is written, after early messages went out, or after all is written but nothing sent.
    private void Crash(Member member)
    {
        if (!member.IsUp)
            return;
        if (!member.IsBusy && member.Node.HasReady)
        {
            var ready = member.Begin();
            var point = _random.Next(3);
            if (point > 0)
                _cluster.Send(ready.Messages.Where(m => !m.AwaitsPersistence));
            if (point > 1)
                member.PersistOnly();
        }
        member.Crash();
    }

    private void Network()
    {
        var wire = _cluster.Wire;
        if (wire.Count == 0)
            return;
        // Mostly an early one, so that they overtake each other but not too much.
        var at = _random.Next(Math.Min(wire.Count, _random.Next(1, 12)));
        var message = wire[at];
        var fate = _random.Next(20);
        if (fate != 0)
            wire.RemoveAt(at);
        if (fate == 1 || _cluster.IsCut(message))
        {
            _cluster.Lose(message);
            return;
        }
        _cluster.Deliver(message);
    }

    private void Change(Member member)
    {
        var id = (ulong)_random.Next(1, (int)MostMembers + 1);
        var kind = (ConfChangeKind)_random.Next(1, 4);
        // Keep enough voters that the group outlives its crashes.
        if (kind != ConfChangeKind.AddVoter && member.Node.Membership.Voters.Count <= 2)
            kind = ConfChangeKind.AddVoter;
        member.Node.ProposeConfChange(new ConfChange(kind, id));
    }

    private void Compact(Member member)
    {
        var applied = member.Status.Applied;
        if (member.IsBusy || applied <= member.Disk.Snapshot.Index)
            return;
        member.TakeSnapshot();
        var kept = Math.Min((ulong)_random.Next(4), applied);
        member.Disk.Compact(Math.Max(applied - kept, member.Disk.FirstIndex - 1));
    }

    // A read must see all that anyone was told is committed before it was asked for.
    private void Read(Member member)
    {
        var context = $"r{_reads.Count}";
        _reads[context] = _committed.Count == 0 ? 0 : _committed.Keys.Max();
        member.Node.ReadIndex(Encoding.UTF8.GetBytes(context));
    }

    private void CheckCommitted(Entry entry)
    {
        if (_committed.TryAdd(entry.Index, entry))
            return;
        Assert.True(_committed[entry.Index] == entry, $"committed was {_committed[entry.Index]}, now {entry}");
    }

    private void CheckLeaders()
    {
        foreach (var member in _cluster.Members.Where(m => m.IsUp && m.Role == Role.Leader))
        {
            if (!_leaderOfTerm.TryAdd(member.Term, member.Id))
                Assert.True(_leaderOfTerm[member.Term] == member.Id, $"term {member.Term} has two leaders");
        }
    }

    // Where two disks have an entry of the same index and term, everything before it is the same too.
    private void CheckLogs()
    {
        foreach (var a in _cluster.Members)
        {
            foreach (var b in _cluster.Members.Where(m => m.Id > a.Id))
            {
                var first = Math.Max(a.Disk.FirstIndex, b.Disk.FirstIndex);
                var match = Math.Min(a.Disk.LastIndex, b.Disk.LastIndex);
                while (match >= first && a.Disk.Term(match) != b.Disk.Term(match))
                    match--;
                if (match >= first)
                    Assert.Equal(a.Disk.Entries(first, match + 1, ulong.MaxValue), b.Disk.Entries(first, match + 1, ulong.MaxValue));
            }
        }
    }

    private void Recover()
    {
        CheckLogs();
        _cluster.Heal();
        foreach (var member in _cluster.Members)
        {
            if (!member.IsUp)
                member.Start();
            if (member.IsBusy)
                Finish(member);
        }
        // A leader may still find that it was removed, and without pre-vote one that cannot win may stand first a few times in a row.
        for (var i = 0; i < 30 && _cluster.Leader?.Applied.LastOrDefault() != "the end"; i++)
        {
            _cluster.Leader?.Propose("the end");
            _cluster.Pass(10);
        }
        _cluster.Pass(5);
        CheckLeaders();
        CheckLogs();

        var leader = _cluster.Leader;
        Assert.True(leader?.Applied.LastOrDefault() == "the end", $"the group did not recover: {Describe()}");
        var membership = leader.Node.Membership;
        foreach (var member in _cluster.Members.Where(m => membership.Contains(m.Id)))
        {
            Assert.True(membership.Equals(member.Node.Membership) && leader.Applied.SequenceEqual(member.Applied),
                $"{member.Id} did not catch up: {Describe()}");
        }
        foreach (var member in _cluster.Members)
            Assert.Equal(leader.Applied.Take(member.Applied.Count), member.Applied);
        // Everything that was ever handed out as committed is still there, in order.
        var all = _committed.Values.Where(e => e is { Kind: EntryKind.Normal, Data.Length: > 0 }).Select(e => Encoding.UTF8.GetString(e.Data.Span));
        Assert.Equal(all, leader.Applied.Take(all.Count()));
    }

    private string Describe() => string.Join("\n", _cluster.Members.Select(m =>
        $"{m.Id} {m.Status.SoftState} {m.Status.HardState} {m.Status.Membership} disk [{m.Disk.FirstIndex}, {m.Disk.LastIndex}] {string.Join(", ", m.Status.Peers)}"));

    private T Pick<T>(List<T> from) => from[_random.Next(from.Count)];
}
