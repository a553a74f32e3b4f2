using CsCheck;
using Skep.Manager.Scheduling;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Scheduling;

public sealed class SpreadPropertyTests
{
    [Fact]
    public void On_equal_nodes_the_tasks_of_a_service_differ_by_at_most_one_per_node() =>
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 30].Array[1, 8], Gen.Int[5, 200]).Sample((nodes, chunks, budget) =>
        {
            var cluster = new LoopHarness(() => [new StandInAllocator(), new SchedulingRule()], budget);
            cluster.AddNodes(nodes);
            cluster.AddService("s0");
            cluster.AddService("s1");
            for (var i = 0; i < chunks.Length; i++)
            {
                cluster.AddTasks($"s{i % 2}", chunks[i]);
                if (chunks[i] % 3 == 0)
                    cluster.ChangeLeader();
            }
            foreach (var service in new[] { "s0", "s1" })
            {
                var counts = cluster.State.Nodes.Keys.Select(n => cluster.State.Tasks.OnNode(n).Count(t => t.ServiceId == service)).ToList();
                Assert.True(counts.Max() - counts.Min() <= 1, $"{service}: {string.Join(',', counts)}");
                Assert.Equal(cluster.State.Tasks.OfService(service).Count, counts.Sum());
            }
        }, iter: 60);

    [Fact]
    public void Every_task_goes_to_the_node_that_is_best_at_its_moment() =>
        Gen.Select(Gen.Int[1, 12], Gen.Select(Gen.Int[0, 7], Gen.Int[1, 150]).Array[1, 12], Gen.Int[20, 300]).Sample((nodes, steps, budget) =>
        {
            var cluster = new LoopHarness(() => [new StandInAllocator(), new SchedulingRule()], budget);
            var next = 0;
            void AddNode() => cluster.AddNode($"n{next:00}", n =>
            {
                n.Description.Resources.MemoryBytes = 20;
                n.Spec.Annotations.Labels["zone"] = next++ % 3 == 0 ? "east" : "west";
            });
            void Create(string service, int count)
            {
                var create = new CreateTasks { ServiceId = service };
                for (var i = 0; i < count; i++)
                    create.Tasks.Add(new NewTask { Id = $"{service}.{next++}", Slot = (ulong)next, DesiredState = Wire.TaskState.Running });
                cluster.Emit(new Mutation { CreateTasks = create });
            }
            for (var i = 0; i < nodes; i++)
                AddNode();
            cluster.AddService("plain");
            cluster.AddService("east", s => s.Task.Placement.Constraints.Add("node.labels.zone==east"));
            cluster.AddService("large", s => s.Task.Resources.Reservations = new Wire.Resources { MemoryBytes = 1 });
            foreach (var (step, count) in steps)
            {
                switch (step)
                {
                    case 0: Create("plain", count); break;
                    case 1: Create("east", count); break;
                    case 2: Create("large", count); break;
                    case 3: AddNode(); break;
                    case 4: cluster.SetAvailability("n00", count % 2 == 0 ? Wire.NodeSpec.Types.Availability.Active : Wire.NodeSpec.Types.Availability.Drain); break;
                    case 5: cluster.Settle(); break;
                    default:
                        for (var i = 0; i < count; i++)
                        {
                            var small = $"small{next}";
                            cluster.Emit(State.Batches.Service(small, "box:1"));
                            Create(small, 1 + i % 2);
                        }
                        break;
                }
            }
            cluster.Settle();
            AssertEachWasBest(cluster.Changes);
            Assert.DoesNotContain(cluster.State.Tasks.All, t => t.State == Wire.TaskState.Pending && t.ServiceId != "large" && t.Status.Err.Length == 0);
        }, iter: 40);

    // Follows what happened, change by change: each task that got a node got the one with the fewest of its service, then the fewest tasks, then the first by id.
    private static void AssertEachWasBest(IEnumerable<Change> changes)
    {
        var nodes = new SortedDictionary<string, (Wire.Node Node, List<TaskRecord> Tasks)>(StringComparer.Ordinal);
        foreach (var change in changes)
        {
            if (change is NodeChange { New: { } node })
                nodes[node.Id] = (node, nodes.TryGetValue(node.Id, out var known) ? known.Tasks : []);
            if (change is not TaskChange { Old.State: Wire.TaskState.Pending, New: { State: Wire.TaskState.Assigned } task })
                continue;
            var best = nodes.Values.Where(n => MayHave(n.Node, n.Tasks, task)).MinBy(n => (n.Tasks.Count(t => t.ServiceId == task.ServiceId), n.Tasks.Count));
            Assert.Equal(best.Node?.Id, task.NodeId);
            nodes[task.NodeId].Tasks.Add(task);
        }
    }

    private static bool MayHave(Wire.Node node, List<TaskRecord> tasks, TaskRecord task) =>
        node.Status?.State == Wire.NodeStatus.Types.State.Ready && node.Spec.Availability == Wire.NodeSpec.Types.Availability.Active
        && (task.ServiceId != "east" || node.Spec.Annotations?.Labels.GetValueOrDefault("zone") == "east")
        && (task.ServiceId != "large" || tasks.Count(t => t.ServiceId == "large") < (node.Description?.Resources?.MemoryBytes ?? 0));

    [Fact]
    public void No_node_is_ever_promised_more_than_it_has() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[0, 5].Array[1, 40]).Sample((nodes, steps) =>
        {
            var cluster = new LoopHarness(() => [new StandInAllocator(), new SchedulingRule()]);
            for (var i = 0; i < nodes; i++)
                cluster.AddNode($"n{i}", n => n.Description.Resources.NanoCpus = 5);
            cluster.AddService("small", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 1 });
            cluster.AddService("large", s => s.Task.Resources.Reservations = new Wire.Resources { NanoCpus = 3 });
            foreach (var step in steps)
            {
                switch (step)
                {
                    case 0: cluster.AddTasks("small", 3); break;
                    case 1: cluster.AddTasks("large", 1); break;
                    case 2: cluster.ChangeLeader(); break;
                    case 3 when cluster.RunningTasksOf("small") is [var first, ..]: cluster.RemoveTask(first.Id); break;
                    case 4 when cluster.RunningTasksOf("large") is [var first, ..]: cluster.Engines.Fail(first.Id); break;
                    case 5: cluster.UpdateNode("n0", n => n.Description.Hostname += "x"); break;
                }
                cluster.Settle();
                foreach (var node in cluster.State.Nodes.Keys)
                {
                    var held = cluster.State.Tasks.OnNode(node).Where(t => !t.IsTerminal).Sum(t => t.Spec.Spec.Resources.Reservations.NanoCpus);
                    Assert.True(held <= 5, $"{node} holds {held}");
                    // And nothing waits that would fit.
                    Assert.False(held <= 2 && cluster.TasksOf("large").Any(t => t.State == Wire.TaskState.Pending));
                    Assert.False(held <= 4 && cluster.TasksOf("small").Any(t => t.State == Wire.TaskState.Pending));
                }
            }
        }, iter: 60);
}
