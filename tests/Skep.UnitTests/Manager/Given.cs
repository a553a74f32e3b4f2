using Skep.State;

namespace Skep.UnitTests.Manager;

/// <summary>What a test of placement starts from: services, tasks and nodes put straight into the state.</summary>
internal static class Given
{
    public static string AddService(this LoopHarness harness, string id, Action<Wire.ServiceSpec>? configure = null)
    {
        var spec = new Wire.ServiceSpec
        {
            Annotations = new Wire.Annotations { Name = id },
            Task = new Wire.TaskSpec { Container = new Wire.ContainerSpec { Image = "busybox" }, Placement = new Wire.Placement(), Resources = new Wire.ResourceRequirements() },
            Replicated = new Wire.ReplicatedService(),
        };
        configure?.Invoke(spec);
        harness.Emit(new Mutation { PutService = new PutService { Service = new Wire.Service { Id = id, Spec = spec } } });
        harness.Settle();
        return id;
    }

    public static void ReplaceService(this LoopHarness harness, string id, Action<Wire.ServiceSpec> configure)
    {
        var service = harness.State.Services[id].Clone();
        configure(service.Spec);
        harness.Emit(new Mutation { PutService = new PutService { Service = service } });
        harness.Settle();
    }

    public static void DeleteService(this LoopHarness harness, string id)
    {
        harness.Emit(new Mutation { RemoveService = new RemoveObject { Id = id } });
        harness.Settle();
    }

    /// <summary>Tasks in the next slots of a service, each called SERVICE.SLOT; settles.</summary>
    public static void AddTasks(this LoopHarness harness, string serviceId, int count)
    {
        var first = (int)harness.State.Tasks.OfService(serviceId).Select(t => t.Slot).DefaultIfEmpty().Max() + 1;
        var create = new CreateTasks { ServiceId = serviceId };
        create.Tasks.Add(Enumerable.Range(first, count).Select(slot =>
            new NewTask { Id = $"{serviceId}.{slot}", Slot = (ulong)slot, DesiredState = Wire.TaskState.Running }));
        harness.Emit(new Mutation { CreateTasks = create });
        harness.Settle();
    }

    /// <summary>A task of a global service for one node.</summary>
    public static string AddTaskOn(this LoopHarness harness, string serviceId, string nodeId)
    {
        var id = $"{serviceId}.{nodeId}";
        harness.Emit(new Mutation
        {
            CreateTasks = new CreateTasks { ServiceId = serviceId, Tasks = { new NewTask { Id = id, NodeId = nodeId, DesiredState = Wire.TaskState.Running } } },
        });
        harness.Settle();
        return id;
    }

    public static void SetDesired(this LoopHarness harness, string taskId, Wire.TaskState state)
    {
        harness.Emit(new Mutation { SetTaskDesiredState = new SetTaskDesiredState { TaskId = taskId, DesiredState = state } });
        harness.Settle();
    }

    public static void RemoveTask(this LoopHarness harness, string taskId)
    {
        harness.Emit(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { taskId } } });
        harness.Settle();
    }

    public static TaskRecord Task(this LoopHarness harness, string id) => harness.State.Tasks.Find(id)!;

    public static void UpdateNode(this LoopHarness harness, string id, Action<Wire.Node> change)
    {
        var node = harness.State.Nodes[id].Clone();
        node.Spec.Annotations ??= new Wire.Annotations();
        node.Description.Resources ??= new Wire.Resources();
        change(node);
        harness.Emit(new Mutation { PutNode = new PutNode { Node = node } });
        harness.Settle();
    }

    public static void AddNode(this LoopHarness harness, string id, Action<Wire.Node> configure)
    {
        harness.AddNode(id);
        harness.UpdateNode(id, configure);
    }

    public static Wire.GenericResource Count(string kind, long value) =>
        new() { DiscreteResourceSpec = new Wire.DiscreteGenericResource { Kind = kind, Value = value } };

    public static Wire.GenericResource Named(string kind, string value) =>
        new() { NamedResourceSpec = new Wire.NamedGenericResource { Kind = kind, Value = value } };
}
