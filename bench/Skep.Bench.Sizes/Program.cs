using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Skep.Manager;
using Skep.State;
using Wire = Skep.Wire;

// What a task and a node take: bytes of log for each step of a task's life, of a snapshot and of memory. Arguments are tasks (200,000) and nodes (1,000).
// No I/O: mutations are encoded, counted, decoded and applied as a manager does with them. skep plan stands on these figures.
var taskCount = Argument(0, 200_000);
var nodeCount = Argument(1, 1_000);
var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
var ids = new IdSource(new byte[32]);
var containerId = new string('a', 64);

var state = new ClusterState();
state.Begin(now);
var logBytes = 0L;
Apply(new Mutation { PutCluster = new PutCluster { Cluster = new Wire.Cluster { Id = "cluster", Spec = new Wire.ClusterSpec() } } });
Apply(new Mutation { PutService = new PutService { Service = NewService() } });
var nodes = Enumerable.Range(0, nodeCount).Select(_ => ids.NextId()).ToArray();
var tasks = Enumerable.Range(0, taskCount).Select(_ => ids.NextId()).ToArray();

Tell("a bare state", 1);
foreach (var id in nodes)
    Apply(new Mutation { PutNode = new PutNode { Node = NewNode(id) } });
var nodeSnapshot = Tell("node: joins", nodeCount);

foreach (var chunk in tasks.Index().Chunk(10_000))
{
    var create = new CreateTasks { ServiceId = "service" };
    create.Tasks.AddRange(chunk.Select(t => new NewTask { Id = t.Item, Slot = (ulong)t.Index + 1, DesiredState = Wire.TaskState.Running }));
    Apply(new Mutation { CreateTasks = create });
}
Tell("task: created", taskCount, nodeSnapshot);
foreach (var (i, id) in tasks.Index())
    Apply(new Mutation { AssignTask = new AssignTask { TaskId = id, NodeId = nodes[i % nodeCount] } });
Tell("task: assigned", taskCount, nodeSnapshot);
foreach (var (reached, message) in new[]
    { (Wire.TaskState.Accepted, "accepted"), (Wire.TaskState.Preparing, "preparing"), (Wire.TaskState.Starting, "starting"), (Wire.TaskState.Running, "started") })
{
    foreach (var id in tasks)
        Apply(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = id, Status = NewStatus(reached, message) } });
    Tell($"task: {message}", taskCount, nodeSnapshot);
}
foreach (var id in tasks)
    Apply(new Mutation { SetTaskDesiredState = new SetTaskDesiredState { TaskId = id, DesiredState = Wire.TaskState.Shutdown } });
Tell("task: told to end", taskCount, nodeSnapshot);
foreach (var id in tasks)
    Apply(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = id, Status = NewStatus(Wire.TaskState.Shutdown, "shutdown") } });
Tell("task: ended", taskCount, nodeSnapshot);
foreach (var chunk in tasks.Chunk(10_000))
    Apply(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { chunk } } });
Tell("task: removed", taskCount, nodeSnapshot);
return 0;

int Argument(int index, int standard) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : standard;

void Apply(Mutation mutation)
{
    var bytes = mutation.ToByteArray();
    logBytes += bytes.Length;
    state.Apply(Mutation.Parser.ParseFrom(bytes), []);
}

// Per task or node: the log since the last call, the snapshot beyond what is given, the managed memory of everything.
long Tell(string what, int count, long snapshotBefore = 0)
{
    using var snapshot = new MemoryStream();
    StateSnapshot.Capture(state).WriteTo(snapshot);
    var length = snapshot.Length;
    snapshot.SetLength(0);
    snapshot.Capacity = 0;
    var memory = GC.GetTotalMemory(forceFullCollection: true);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{what,-20} log {(double)logBytes / count,6:F0} B   snapshot {(double)(length - snapshotBefore) / count,6:F0} B   memory in all {memory / 1e6,7:F1} MB"));
    logBytes = 0;
    return length;
}

Wire.TaskStatus NewStatus(Wire.TaskState reached, string message)
{
    var status = new Wire.TaskStatus { State = reached, Message = message, Timestamp = Timestamp.FromDateTimeOffset(now) };
    if (reached >= Wire.TaskState.Starting)
        status.Container = new Wire.ContainerStatus { ContainerId = containerId, Pid = reached == Wire.TaskState.Running ? 12345 : 0 };
    return status;
}

static Wire.Service NewService() => new()
{
    Id = "service",
    Spec = new Wire.ServiceSpec { Annotations = new Wire.Annotations { Name = "service" }, Task = new Wire.TaskSpec { Container = new Wire.ContainerSpec { Image = "busybox" } } },
};

// As an engine 20.10 describes itself, with a certificate of the usual size.
static Wire.Node NewNode(string id)
{
    var engine = new Wire.EngineDescription { EngineVersion = "20.10.24" };
    foreach (var log in new[] { "awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "logentries", "splunk", "syslog" })
        engine.Plugins.Add(new Wire.PluginDescription { Type = "Log", Name = log });
    foreach (var network in new[] { "bridge", "host", "ipvlan", "macvlan", "null", "overlay" })
        engine.Plugins.Add(new Wire.PluginDescription { Type = "Network", Name = network });
    return new Wire.Node
    {
        Id = id,
        Spec = new Wire.NodeSpec { Availability = Wire.NodeSpec.Types.Availability.Active },
        Status = new Wire.NodeStatus { State = Wire.NodeStatus.Types.State.Ready, Addr = "192.0.2.10" },
        Description = new Wire.NodeDescription
        {
            Hostname = "host" + id,
            Platform = new Wire.Platform { Os = "linux", Architecture = "x86_64" },
            Resources = new Wire.Resources { NanoCpus = 2_000_000_000, MemoryBytes = 1L << 31 },
            Engine = engine,
            TlsInfo = new Wire.NodeTLSInfo { TrustRoot = Bytes(560), CertIssuerSubject = Bytes(21), CertIssuerPublicKey = Bytes(91) },
        },
        Certificate = new Wire.Certificate { Csr = Bytes(420), Certificate_ = Bytes(1400), Cn = id },
    };
}

static ByteString Bytes(int length) => ByteString.CopyFrom(new byte[length]);
