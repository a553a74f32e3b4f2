using Google.Protobuf;
using Skep.Manager;
using Skep.Manager.Nodes;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager;

/// <summary>
/// A cluster in a test: a leader's loop with the rules under test, a follower that applies every batch from its bytes, virtual
/// time, and engines that do what they are told at once. Deterministic.
/// </summary>
public sealed class LoopHarness
{
    private static readonly byte[] Seed = new byte[32];

    private readonly Func<IReadOnlyList<IRule>> _rules;
    private readonly int _budget;
    private readonly List<Input> _inputs = [];
    private readonly Queue<Mutation> _injected = [];
    private IdSource _ids = new(Seed);
    private int _terms;
    private int _sessions;

    /// <param name="rules">Makes the rules of one term of leadership, in the order in which they run.</param>
    /// <param name="budget">Task changes per turn.</param>
    public LoopHarness(Func<IReadOnlyList<IRule>> rules, int budget = SwarmLoop.DefaultBudget)
    {
        _rules = rules;
        _budget = budget;
        Follower = new ClusterState();
        Loop = NewLoop();
        Engines = new FakeEngines(this);
        Call(new InitCluster(new Wire.Cluster
        {
            Id = "cluster",
            Spec = new Wire.ClusterSpec
            {
                Annotations = new Wire.Annotations { Name = "default" },
                Orchestration = new Wire.OrchestrationConfig { TaskHistoryRetentionLimit = 5 },
            },
        }, new Skep.State.Manager { Id = "manager", RaftId = 1, Addr = "10.0.0.1:2377", Run = Run, FormatRun = Run, Format = ClusterState.Format }));
    }

    public SwarmLoop Loop { get; private set; }

    /// <summary>The leader's working state.</summary>
    public ClusterState State => Loop.State;

    /// <summary>A manager that only applies what the leader commits.</summary>
    public ClusterState Follower { get; private set; }

    public FakeEngines Engines { get; }

    public DateTimeOffset Now { get; private set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Of the manager's process: a new one with each change of leader.</summary>
    public string Run => $"run{_terms}";

    /// <summary>Turns taken so far.</summary>
    public int Turns { get; private set; }

    /// <summary>Everything that changed since the harness began (or since it was cleared).</summary>
    public List<Change> Changes { get; } = [];

    public List<Batch> Batches { get; } = [];

    /// <summary>Does one input in a turn of its own; a refusal is thrown.</summary>
    public TReply Call<TReply>(Input<TReply> input)
    {
        var answer = Turn([input])[0];
        return answer.Refusal is { } refusal ? throw refusal : (TReply)answer.Value!;
    }

    /// <summary>A control API write, without settling what follows from it.</summary>
    public TResponse Call<TResponse>(IMessage request) where TResponse : IMessage => (TResponse)Call(new ControlCall(request));

    /// <summary>Puts an input into the next turn.</summary>
    public void Send(Input input) => _inputs.Add(input);

    /// <summary>Takes one turn with what was sent and what engines report.</summary>
    public void Turn()
    {
        var answers = Turn(_inputs);
        // What the turn had no room for waits for the next one.
        _inputs.RemoveRange(0, answers.Count);
        foreach (var answer in answers)
        {
            if (answer.Refusal is { } refusal)
                throw refusal;
        }
    }

    /// <summary>Takes turns until nobody has anything to do before time goes on.</summary>
    public void Settle()
    {
        for (var turns = 0; ; turns++)
        {
            Assert.True(turns < 100_000, "the loop never comes to rest");
            Engines.Report();
            if (_inputs.Count == 0 && !Loop.HasWork && !(Loop.NextDue <= Now))
                return;
            Turn();
        }
    }

    /// <summary>Lets time pass, with a turn whenever something is due.</summary>
    public void Advance(TimeSpan time)
    {
        Settle();
        var end = Now + time;
        while (Loop.NextDue is { } due && due <= end)
        {
            Now = due;
            Settle();
        }
        Now = end;
        Settle();
    }

    /// <summary>The manager was started anew and goes on from what was committed: the sessions that it held are gone.</summary>
    /// <param name="nodesReturn">The nodes that live open sessions with it again.</param>
    public void ChangeLeader(bool nodesReturn = true)
    {
        _terms++;
        _inputs.Clear();
        var seed = Seed.ToArray();
        seed[0] = (byte)_terms;
        _ids = new IdSource(seed);
        BeginTerm(Run);
        Engines.Wake();
        if (!nodesReturn)
            return;
        foreach (var node in State.Nodes.Keys.Where(id => !Engines.Dead.Contains(id)).ToList())
            Arrive(node);
    }

    /// <summary>A leader begins with what was committed and no notes.</summary>
    /// <param name="run">Of the process that leads: another one than before holds none of its sessions.</param>
    public void BeginTerm(string run)
    {
        Loop = NewLoop();
        Call(new LeadershipBegan("manager", run));
    }

    /// <summary>A node opens a session, with the manager whose run this is; returns the session's id.</summary>
    public string Arrive(string nodeId, string? run = null, Wire.NodeDescription? description = null)
    {
        var session = $"session{++_sessions}";
        Call(new NodeArrived(nodeId, description, "10.0.1.1", run ?? Run, session));
        return session;
    }

    /// <summary>A node joins and becomes READY.</summary>
    public string AddNode(string id, Wire.NodeSpec.Types.Availability availability = Wire.NodeSpec.Types.Availability.Active)
    {
        Call(new CertificateIssued(id, new Wire.Certificate { Cn = id, Role = Wire.NodeRole.Worker }, availability));
        Arrive(id, description: new Wire.NodeDescription { Hostname = id });
        return id;
    }

    public void AddNodes(int count)
    {
        for (var i = 1; i <= count; i++)
            AddNode($"node{i:0000}");
    }

    public void SetAvailability(string nodeId, Wire.NodeSpec.Types.Availability availability)
    {
        var node = State.Nodes[nodeId].Clone();
        node.Spec.Availability = availability;
        Emit(new Mutation { PutNode = new PutNode { Node = node } });
    }

    /// <summary>The node's heartbeats stop, and its engine does nothing any more.</summary>
    public void LoseNode(string nodeId)
    {
        Engines.Dead.Add(nodeId);
        Call(new NodeLost(nodeId, State.Sessions.GetValueOrDefault(nodeId)?.SessionId ?? "", "heartbeat failure"));
    }

    /// <summary>Makes a change as if it had come from a rule that is not under test.</summary>
    public void Emit(Mutation mutation)
    {
        _injected.Enqueue(mutation);
        Turn([]);
    }

    /// <summary>All tasks of a service, by slot and age.</summary>
    public IReadOnlyList<TaskRecord> TasksOf(string serviceId) =>
        [.. State.Tasks.OfService(serviceId).OrderBy(t => t.Slot).ThenBy(t => t.NodeId, StringComparer.Ordinal).ThenBy(t => t.CreatedAt)];

    /// <summary>The tasks of a service that are meant to run.</summary>
    public IReadOnlyList<TaskRecord> ActiveTasksOf(string serviceId) => [.. TasksOf(serviceId).Where(t => t.DesiredState <= Wire.TaskState.Running)];

    /// <summary>The tasks of a service that run and are meant to.</summary>
    public IReadOnlyList<TaskRecord> RunningTasksOf(string serviceId) => [.. ActiveTasksOf(serviceId).Where(t => t.State == Wire.TaskState.Running)];

    private SwarmLoop NewLoop() => new(Follower.Clone(), _ids, [new InjectedMutations(_injected), new MissingNodesRule(), .. _rules()], Now, _budget);

    private IReadOnlyList<Answer> Turn(IReadOnlyList<Input> inputs)
    {
        Turns++;
        var result = Loop.Take(Now, inputs);
        Commit(result.Batch);
        return result.Answers;
    }

    private void Commit(Batch? batch)
    {
        if (batch is null)
            return;
        // From the bytes, as every other manager gets it: whatever a rule still does to a message afterwards is not in there.
        var changes = Follower.Apply(Batch.Parser.ParseFrom(batch.ToByteArray()));
        Assert.Equal(State.Version, Follower.Version);
        Assert.Equal(State.Tasks.Count, Follower.Tasks.Count);
        Batches.Add(batch);
        Changes.AddRange(changes);
        Engines.Note(changes);
    }

    private sealed class InjectedMutations(Queue<Mutation> mutations) : IRule
    {
        public bool HasWork => mutations.Count > 0;

        public DateTimeOffset? NextDue => null;

        public void Rebuild(ClusterState state, DateTimeOffset now)
        {
        }

        public void Note(Change change)
        {
        }

        public void Run(Turn turn)
        {
            while (mutations.TryDequeue(out var mutation))
                turn.Emit(mutation);
        }
    }
}
