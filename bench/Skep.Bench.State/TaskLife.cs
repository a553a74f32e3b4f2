using Skep.State;

namespace Skep.Bench.State;

/// <summary>Batches as a leader makes them for tasks from their creation to RUNNING: created, allocated (an address each), assigned, three statuses.</summary>
internal sealed class TaskLife
{
    private const int PerBatch = 10_000;

    private readonly SyntheticCluster _cluster = new();

    /// <param name="tasks">How many, all of one service.</param>
    /// <param name="nodes">How many have them, in turns.</param>
    public TaskLife(int tasks, int nodes)
    {
        _cluster.AddNodes(nodes);
        Service = _cluster.AddService("web");
        Beginning = _cluster.State.Clone();
        Batches =
            Chunks(tasks).Select(chunk => Of([new Mutation { CreateTasks = _cluster.NewTasks(Service, chunk[0] + 1, chunk.Length) }]))
            .Concat(Chunks(tasks).Select(chunk => Of(chunk.Select(Allocate))))
            .Concat(Chunks(tasks).Select(chunk => Of([Assign(chunk)])))
            .Concat(new[] { Wire.TaskState.Preparing, Wire.TaskState.Starting, Wire.TaskState.Running }
                .SelectMany(state => Chunks(tasks).Select(chunk => Of(chunk.Select(i => Report(i, state))))));
    }

    public string Service { get; }

    /// <summary>The state that the first batch is for.</summary>
    public ClusterState Beginning { get; }

    /// <summary>Made as they are taken, once: a million tasks' come to some GB.</summary>
    public IEnumerable<Batch> Batches { get; }

    private static IEnumerable<int[]> Chunks(int tasks) => Enumerable.Range(0, tasks).Chunk(PerBatch);

    private static Batch Of(IEnumerable<Mutation> mutations) => new() { Format = ClusterState.Format, Time = SwarmTime.ToLog(SyntheticCluster.Start), Mutations = { mutations } };

    private Mutation Allocate(int i) => new()
    {
        AllocateTask = new AllocateTask { TaskId = _cluster.TaskIds[i], Attachments = { new Attachment { NetworkId = "qk3x0v9w1h2l5m7n8p4r6s0tz", Addresses = { $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}/8" } } } },
    };

    private Mutation Assign(int[] chunk)
    {
        // As the scheduler writes it: only nodes that the batch gives something.
        var assign = new AssignTasks();
        var places = new Dictionary<int, uint>();
        foreach (var i in chunk)
        {
            var node = i % _cluster.NodeIds.Count;
            if (!places.TryGetValue(node, out var place))
            {
                places.Add(node, place = (uint)assign.NodeIds.Count);
                assign.NodeIds.Add(_cluster.NodeIds[node]);
            }
            assign.TaskIds.Add(_cluster.TaskIds[i]);
            assign.Nodes.Add(place);
        }
        return new Mutation { AssignTasks = assign };
    }

    // As stock engines report: RUNNING with the container's id (64 digits) and its process.
    private Mutation Report(int i, Wire.TaskState state)
    {
        var status = new Wire.TaskStatus { State = state, Message = state == Wire.TaskState.Running ? "started" : state == Wire.TaskState.Starting ? "starting" : "preparing", Timestamp = SwarmTime.ToWire(SyntheticCluster.Start) };
        if (state == Wire.TaskState.Running)
            status.Container = new Wire.ContainerStatus { ContainerId = $"{i:x64}", Pid = 1000 + i };
        return new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = _cluster.TaskIds[i], Status = status } };
    }
}
