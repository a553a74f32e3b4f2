using System.Diagnostics;
using System.Globalization;
using Skep.Manager;
using Skep.Manager.Allocation;
using Skep.Manager.Scheduling;
using Skep.State;
using Wire = Skep.Wire;

// How fast the leader's loop allocates and places tasks: arguments are tasks (70,000), nodes (5,000) and services (1).
var tasks = Argument(0, 70_000);
var nodes = Argument(1, 5_000);
var services = Argument(2, 1);
var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

var state = new ClusterState();
state.Begin(now);
Apply(new Mutation { PutCluster = new PutCluster { Cluster = new Wire.Cluster { Id = "cluster", Spec = new Wire.ClusterSpec() } } });
for (var i = 0; i < nodes; i++)
    Apply(new Mutation { PutNode = new PutNode { Node = NewNode(i) } });
for (var i = 0; i < services; i++)
{
    Apply(new Mutation { PutService = new PutService { Service = NewService(i) } });
    var create = new CreateTasks { ServiceId = $"service{i}" };
    for (var slot = 1; slot <= tasks / services; slot++)
        create.Tasks.Add(new NewTask { Id = $"service{i}.{slot}", Slot = (ulong)slot, DesiredState = Wire.TaskState.Running });
    Apply(new Mutation { CreateTasks = create });
}

var loop = new SwarmLoop(state, new IdSource(new byte[32]), [new AllocationRule(), new SchedulingRule()], now);
var watch = Stopwatch.StartNew();
var cpu = Environment.CpuUsage.TotalTime;
var turns = 0;
var longest = TimeSpan.Zero;
var logBytes = 0L;
while (loop.HasWork)
{
    var began = watch.Elapsed;
    logBytes += loop.Take(now, []).Batch?.CalculateSize() ?? 0;
    var took = watch.Elapsed - began;
    longest = took > longest ? took : longest;
    turns++;
}

var seconds = watch.Elapsed.TotalSeconds;
cpu = Environment.CpuUsage.TotalTime - cpu;
var placed = state.Tasks.All.Count(t => t.State == Wire.TaskState.Assigned);
var counts = state.Nodes.Keys.Select(n => state.Tasks.OnNode(n).Count).ToList();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"{placed} of {tasks} tasks on {nodes} nodes in {seconds:F2} s ({cpu.TotalSeconds:F2} s CPU): {placed / seconds:F0} tasks/s, {turns} turns, longest {longest.TotalMilliseconds:F0} ms, {counts.Min()}..{counts.Max()} per node, {logBytes / 1e6:F1} MB of log"));
return placed == tasks ? 0 : 1;

int Argument(int index, int standard) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : standard;

void Apply(Mutation mutation) => state.Apply(mutation, []);

static Wire.Node NewNode(int i) => new()
{
    Id = $"node{i:00000}",
    Spec = new Wire.NodeSpec { Availability = Wire.NodeSpec.Types.Availability.Active },
    Status = new Wire.NodeStatus { State = Wire.NodeStatus.Types.State.Ready },
    Description = new Wire.NodeDescription
    {
        Hostname = $"host{i}",
        Platform = new Wire.Platform { Os = "linux", Architecture = "x86_64" },
        Resources = new Wire.Resources { NanoCpus = 2_000_000_000, MemoryBytes = 1L << 31 },
    },
};

static Wire.Service NewService(int i) => new()
{
    Id = $"service{i}",
    Spec = new Wire.ServiceSpec
    {
        Annotations = new Wire.Annotations { Name = $"service{i}" },
        Task = new Wire.TaskSpec
        {
            Container = new Wire.ContainerSpec { Image = "busybox" },
            Resources = new Wire.ResourceRequirements { Reservations = new Wire.Resources { MemoryBytes = 1 << 20 } },
            Placement = new Wire.Placement { Constraints = { "node.platform.os==linux" } },
        },
    },
};
