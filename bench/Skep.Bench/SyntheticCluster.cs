using Skep.Manager;
using Skep.State;

namespace Skep.Bench;

/// <summary>A state with nodes, services and tasks, made by the mutations that a leader would make. Ids are as real ones: random, 25 characters.</summary>
public sealed class SyntheticCluster
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly IdSource _ids = new(new byte[32]);

    public SyntheticCluster()
    {
        State.Begin(Start);
        Apply(new Mutation { PutCluster = new PutCluster { Cluster = new Wire.Cluster { Id = NewId(), Spec = new Wire.ClusterSpec() } } });
    }

    public ClusterState State { get; } = new();

    /// <summary>Tasks in the order in which they were made.</summary>
    public List<string> TaskIds { get; } = [];

    public List<string> NodeIds { get; } = [];

    public string NewId() => _ids.NextId();

    public void Apply(Mutation mutation) => State.Apply(mutation, []);

    public void AddNodes(int count, Action<int, Wire.Node>? configure = null)
    {
        for (var i = 0; i < count; i++)
        {
            var node = new Wire.Node
            {
                Id = NewId(),
                Spec = new Wire.NodeSpec { Availability = Wire.NodeSpec.Types.Availability.Active, Annotations = new Wire.Annotations() },
                Status = new Wire.NodeStatus { State = Wire.NodeStatus.Types.State.Ready, Addr = "10.0.0.1" },
                Description = new Wire.NodeDescription
                {
                    Hostname = $"host{i}",
                    Platform = new Wire.Platform { Os = "linux", Architecture = "x86_64" },
                    Resources = new Wire.Resources { NanoCpus = 2_000_000_000, MemoryBytes = 1L << 31 },
                    Engine = new Wire.EngineDescription { EngineVersion = "20.10.24" },
                },
            };
            configure?.Invoke(i, node);
            Apply(new Mutation { PutNode = new PutNode { Node = node } });
            NodeIds.Add(node.Id);
        }
    }

    public string AddService(string name, Action<Wire.ServiceSpec>? configure = null)
    {
        var spec = new Wire.ServiceSpec
        {
            Annotations = new Wire.Annotations { Name = name },
            Task = new Wire.TaskSpec { Container = new Wire.ContainerSpec { Image = "busybox:latest" }, Placement = new Wire.Placement() },
            Replicated = new Wire.ReplicatedService(),
        };
        configure?.Invoke(spec);
        var id = NewId();
        Apply(new Mutation { PutService = new PutService { Service = new Wire.Service { Id = id, Spec = spec } } });
        return id;
    }

    /// <summary>Tasks in slots 1.. of a service that has none yet, as its orchestration makes them.</summary>
    public CreateTasks NewTasks(string serviceId, int first, int count)
    {
        var create = new CreateTasks { ServiceId = serviceId };
        for (var i = 0; i < count; i++)
        {
            var id = NewId();
            create.Tasks.Add(new NewTask { Id = id, Slot = (ulong)(first + i), DesiredState = Wire.TaskState.Running });
            TaskIds.Add(id);
        }
        return create;
    }

    /// <summary>PENDING tasks: allocated, waiting for a node.</summary>
    public void AddPendingTasks(string serviceId, int count, string? networkId = null)
    {
        var create = NewTasks(serviceId, 1, count);
        Apply(new Mutation { CreateTasks = create });
        foreach (var task in create.Tasks)
        {
            var allocate = new AllocateTask { TaskId = task.Id };
            if (networkId is not null)
                allocate.Attachments.Add(new Attachment { NetworkId = networkId, Addresses = { "10.0.1.5/24" } });
            Apply(new Mutation { AllocateTask = allocate });
        }
    }
}
