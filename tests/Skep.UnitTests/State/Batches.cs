using System.Globalization;
using Skep.State;

namespace Skep.UnitTests.State;

/// <summary>Short ways to write batches in tests.</summary>
internal static class Batches
{
    public static Batch Of(DateTimeOffset time, params Mutation[] mutations)
    {
        var batch = new Batch { Format = ClusterState.Format, Time = SwarmTime.ToLog(time) };
        batch.Mutations.AddRange(mutations);
        return batch;
    }

    public static Mutation Service(string id, string image, ulong replicas = 1, string? name = null) => new()
    {
        PutService = new PutService
        {
            Service = new Wire.Service
            {
                Id = id,
                Spec = new Wire.ServiceSpec
                {
                    Annotations = new Wire.Annotations { Name = name ?? id },
                    Task = new Wire.TaskSpec { Container = new Wire.ContainerSpec { Image = image } },
                    Replicated = new Wire.ReplicatedService { Replicas = replicas },
                },
            },
        },
    };

    public static Mutation Tasks(string service, params int[] slots)
    {
        var create = new CreateTasks { ServiceId = service };
        create.Tasks.AddRange(slots.Select(slot => new NewTask { Id = $"{service}-{slot}", Slot = (ulong)slot, DesiredState = Wire.TaskState.Running }));
        return new Mutation { CreateTasks = create };
    }

    public static Mutation Assign(string task, string node) => new() { AssignTask = new AssignTask { TaskId = task, NodeId = node } };

    public static Mutation Assign(IReadOnlyList<string> nodes, params (string Task, uint Node)[] tasks) => new()
    {
        AssignTasks = new AssignTasks { NodeIds = { nodes }, TaskIds = { tasks.Select(t => t.Task) }, Nodes = { tasks.Select(t => t.Node) } },
    };

    /// <summary>Batches that a leader could have made: services come, change and go, tasks live and die.</summary>
    public static IEnumerable<Batch> RandomHistory(Random random, int batches)
    {
        var state = new ClusterState();
        var time = new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero);
        var next = 0;
        for (var i = 0; i < batches; i++)
        {
            time = time.AddMilliseconds(random.Next(1, 5000));
            var batch = Of(time);
            var tasks = state.Tasks.All.ToList();
            switch (random.Next(8))
            {
                case 0:
                    batch.Mutations.Add(Service($"s{random.Next(5)}", $"box:{random.Next(3)}", (ulong)random.Next(9)));
                    break;
                case 1 when state.Services.Count > 0:
                    var service = state.Services.Keys.ElementAt(random.Next(state.Services.Count));
                    batch.Mutations.Add(new Mutation { CreateTasks = new CreateTasks { ServiceId = service, Tasks = { new NewTask { Id = $"t{next++}", Slot = (ulong)random.Next(1, 9), DesiredState = Wire.TaskState.Running } } } });
                    break;
                case 2 when tasks.Count > 2:
                    batch.Mutations.Add(Assign([$"n{random.Next(4)}", "n4"], [.. tasks.Skip(random.Next(tasks.Count)).Take(3).Select(t => (t.Id, (uint)random.Next(2)))]));
                    break;
                case 2 when tasks.Count > 0:
                    batch.Mutations.Add(Assign(tasks[random.Next(tasks.Count)].Id, $"n{random.Next(4)}"));
                    break;
                case 3 when tasks.Count > 0:
                    batch.Mutations.Add(new Mutation { SetTaskStatus = new SetTaskStatus { TaskId = tasks[random.Next(tasks.Count)].Id, Status = new Wire.TaskStatus { State = Wire.TaskState.Running, Message = "started" } } });
                    break;
                case 4 when tasks.Count > 0:
                    batch.Mutations.Add(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { tasks[random.Next(tasks.Count)].Id } } });
                    break;
                case 5 when state.Nodes.Count > 0:
                    batch.Mutations.Add(new Mutation { SetNodeSession = new HeldSession { NodeId = state.Nodes.Keys.ElementAt(random.Next(state.Nodes.Count)), Run = $"run{random.Next(3)}", SessionId = $"session{next++}" } });
                    break;
                case 6 when state.Nodes.Count > 2:
                    batch.Mutations.Add(new Mutation { RemoveNode = new RemoveObject { Id = state.Nodes.Keys.ElementAt(random.Next(state.Nodes.Count)) } });
                    break;
                default:
                    batch.Mutations.Add(new Mutation { PutNode = new PutNode { Node = new Wire.Node { Id = $"n{random.Next(4)}", Spec = new Wire.NodeSpec(), Status = new Wire.NodeStatus() } } });
                    break;
            }
            state.Apply(batch.Clone());
            yield return batch;
        }
    }

    /// <summary>All that a state holds, as text, in an order that does not depend on how it came to be.</summary>
    public static string Dump(ClusterState state)
    {
        var lines = new List<string> { string.Create(CultureInfo.InvariantCulture, $"version {state.Version} time {state.Time:O}") };
        lines.AddRange(state.Services.Values.Select(s => $"service {s} spec {state.TaskSpecOf(s.Id)!.Spec} {state.TaskSpecOf(s.Id)!.Version}").Order(StringComparer.Ordinal));
        lines.AddRange(state.Nodes.Values.Select(n => $"node {n}").Order(StringComparer.Ordinal));
        lines.AddRange(state.Sessions.Values.Select(s => $"session {s}").Order(StringComparer.Ordinal));
        lines.AddRange(state.Networks.Values.Select(n => $"network {n}").Order(StringComparer.Ordinal));
        lines.AddRange(state.Tasks.All.Select(t => string.Create(CultureInfo.InvariantCulture,
            $"task {t.Name} {t.NodeId} {t.DesiredState} {t.Status.ToWire()} at {string.Join(' ', t.Attachments)} {t.Endpoint} with {string.Join(' ', t.GenericResources)} v{t.Version} {t.CreatedAt:O} {t.UpdatedAt:O} spec {t.Spec.Version} {t.Spec.Spec}")).Order(StringComparer.Ordinal));
        return string.Join('\n', lines);
    }
}
