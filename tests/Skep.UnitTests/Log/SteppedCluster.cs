using System.Text;
using Skep.Log;
using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>
/// Several members with their disks, without threads and clocks: everything that happens is chosen by a seed. Sees to it that nobody's state
/// ever contradicts another's, and that what was acknowledged is never lost.
/// </summary>
internal sealed class SteppedCluster(int seed) : IDisposable
{
    private readonly Random _random = new(seed);
    private readonly List<Message> _wire = [];
    private int _proposed;

    public Dictionary<ulong, Member> Members { get; } = [];

    public List<string> Acknowledged { get; } = [];

    /// <summary>Members that no message reaches or leaves.</summary>
    public HashSet<ulong> Isolated { get; } = [];

    public int SnapshotsSent { get; private set; }

    public Member? Leader => Members.Values.SingleOrDefault(m => m.IsUp && m.Loop.IsLeader && !Isolated.Contains(m.Id));

    public Member Add(ulong id, ReplicaStart start)
    {
        var member = new Member(this, id, new SimulatedFileSystem { Random = _random });
        Members.Add(id, member);
        member.Start(start);
        return member;
    }

    public void Change(ConfChangeKind kind, ulong id)
    {
        var completion = new TaskCompletionSource<ulong>();
        Leader!.Loop.ProposeConfChange(new ConfChange(kind, id), completion);
        RunUntil(() => completion.Task.IsCompleted);
        Assert.True(completion.Task.IsCompletedSuccessfully, completion.Task.Exception?.Message);
    }

    /// <summary>Proposes at the leader; acknowledged or not, which shows later.</summary>
    public void Propose()
    {
        if (Leader is not { } leader)
            return;
        var text = $"entry {++_proposed}";
        var completion = new TaskCompletionSource<ulong>();
        completion.Task.ContinueWith(
            t =>
            {
                if (t.IsCompletedSuccessfully)
                    Acknowledged.Add(text);
                else
                    Assert.True(t.Exception!.InnerException is ProposalDroppedException or NotLeaderException);
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        leader.Loop.Propose(Encoding.UTF8.GetBytes(text), completion);
    }

    /// <summary>One tick for everybody, and everything on the wire delivered, in some order.</summary>
    public void Turn()
    {
        foreach (var member in Members.Values.Where(m => m.IsUp).ToList())
            member.Do(() => member.Loop.Tick());
        for (var rounds = 0; rounds < 5 && _wire.Count > 0; rounds++)
        {
            var now = _wire.ToList();
            _wire.Clear();
            foreach (var message in now)
                Deliver(message);
        }
        CheckStates();
    }

    public void RunUntil(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            Turn();
        Assert.True(condition(), $"seed {seed}: not reached in 500 turns");
    }

    public void Dispose()
    {
        foreach (var member in Members.Values)
            member.Kill();
    }

    /// <summary>Every state is a prefix of the longest, and holds nothing twice.</summary>
    public void CheckStates()
    {
        var states = Members.Values.Where(m => m.IsUp).Select(m => m.Machine.Applied).OrderByDescending(s => s.Count).ToList();
        if (states.Count == 0)
            return;
        Assert.Equal(states[0].Count, states[0].Distinct().Count());
        foreach (var state in states.Skip(1))
            Assert.Equal(states[0].Take(state.Count), state);
    }

    private void Deliver(Message message)
    {
        if (Isolated.Contains(message.From) || Isolated.Contains(message.To) || !Members.TryGetValue(message.To, out var to) || !to.IsUp)
        {
            if (message.Type == MessageType.Snapshot && Members[message.From] is { IsUp: true } from)
                from.Do(() => from.Loop.ReportSnapshot(message.To, false));
            return;
        }
        if (message.Type != MessageType.Snapshot)
        {
            to.Do(() => to.Loop.Step(message));
            return;
        }
        var sender = Members[message.From];
        if (!sender.IsUp)
            return;
        SnapshotsSent++;
        var metadata = sender.Store.Snapshot;
        using var content = sender.Store.OpenSnapshot(metadata);
        var sent = message with { Snapshot = metadata };
        to.Do(() =>
        {
            to.Store.ReceiveSnapshot(metadata, content.CopyTo, CancellationToken.None);
            to.Loop.StepSnapshot(sent);
        });
        sender.Do(() => sender.Loop.ReportSnapshot(message.To, to.IsUp));
    }

    /// <summary>One member: its disk outlives it.</summary>
    internal sealed class Member(SteppedCluster cluster, ulong id, SimulatedFileSystem disk) : ITransport
    {
        public ulong Id => id;

        public SimulatedFileSystem Disk => disk;

        public bool IsUp { get; private set; }

        public ListMachine Machine { get; private set; } = new();

        public LogStore Store { get; private set; } = null!;

        public ReplicaLoop Loop { get; private set; } = null!;

        /// <summary>Announced and revoked leadership, in order.</summary>
        public List<(bool Leader, ulong Term)> Leadership { get; } = [];

        public void Send(IReadOnlyList<Message> messages) => cluster._wire.AddRange(messages);

        public void Start(ReplicaStart start = ReplicaStart.Existing)
        {
            var logger = new RecordingLogger();
            Machine = new ListMachine();
            var options = SteppedReplica.Options(disk, start) with
            {
                NodeId = id,
                Seed = cluster._random.Next(),
                NewFileId = () => (ulong)cluster._random.NextInt64(),
                LeadershipChanged = (leader, term) => Leadership.Add((leader, term)),
            };
            Store = LogStoreOpener.Start(options, Machine, logger);
            Loop = new ReplicaLoop(options, Machine, this, Store, WriteSnapshot, logger);
            IsUp = true;
            Do(Loop.Start);
        }

        /// <summary>Works a turn; a crash of the disk ends the member.</summary>
        public void Do(Action work)
        {
            if (!IsUp)
                return;
            try
            {
                work();
                Loop.Process();
            }
            catch (SimulatedCrashException)
            {
                Kill();
            }
        }

        public void Kill()
        {
            if (!IsUp)
                return;
            IsUp = false;
            Loop.Fail(new SimulatedCrashException());
            Store.Dispose();
        }

        private void WriteSnapshot(SnapshotMetadata metadata, ISnapshotWriter captured)
        {
            using (captured)
                Store.WriteSnapshot(metadata, captured.WriteTo, CancellationToken.None);
            Loop.SnapshotFinished(metadata, null);
        }
    }
}
