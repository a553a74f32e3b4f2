using CsCheck;
using Skep.Manager.Scheduling;
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
