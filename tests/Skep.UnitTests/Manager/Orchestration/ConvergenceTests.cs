using System.Globalization;
using Skep.Manager.Orchestration;
using Xunit;
using Availability = Skep.Wire.NodeSpec.Types.Availability;

namespace Skep.UnitTests.Manager.Orchestration;

/// <summary>Whatever happened to a cluster, once it is left alone it comes to what was asked for last.</summary>
public sealed class ConvergenceTests
{
    private static readonly string[] Nodes = ["node0001", "node0002", "node0003", "node0004"];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_cluster_that_is_left_alone_comes_to_what_was_asked_for(int seed)
    {
        var random = new Random(seed);
        var harness = new LoopHarness(() => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()], budget: random.Next(3, 40));
        harness.AddNodes(Nodes.Length);
        var web = harness.CreateService(Specs.Replicated("web", 5, spec =>
        {
            spec.Update = RandomUpdate(random);
            spec.Rollback = RandomUpdate(random);
        }));
        var agent = harness.CreateService(Specs.Global("agent", spec => spec.Update = RandomUpdate(random)));
        for (var step = 0; step < 60; step++)
        {
            Disturb(harness, random, web, agent);
            for (var turns = random.Next(0, 4); turns > 0; turns--)
                harness.Turn();
            if (random.Next(3) == 0)
                harness.Advance(TimeSpan.FromSeconds(random.Next(0, 20)));
        }
        Heal(harness, web, agent);
        harness.Advance(TimeSpan.FromHours(1));

        Assert.Equal((int)harness.State.Services[web].Spec.Replicated.Replicas, harness.RunningTasksOf(web).Select(t => t.Slot).Distinct().Count());
        Assert.Equal(Nodes, harness.RunningTasksOf(agent).Select(t => t.NodeId));
        foreach (var service in new[] { web, agent })
        {
            Assert.Equal(harness.RunningTasksOf(service).Count, harness.ActiveTasksOf(service).Count);
            Assert.All(harness.RunningTasksOf(service), t => Assert.Equal(harness.State.Services[service].Spec.Task.Container.Image, t.Image()));
            Assert.All(harness.TasksOf(service).GroupBy(t => t.SlotKey), slot => Assert.InRange(slot.Count(), 1, 5));
            // What is left of the past has ended, or had not even been given a node.
            Assert.All(harness.TasksOf(service).Where(t => t.DesiredState > Wire.TaskState.Running), t => Assert.True(t.IsTerminal || t.State < Wire.TaskState.Assigned));
        }
        Assert.Equal(harness.State.Tasks.Count, harness.TasksOf(web).Count + harness.TasksOf(agent).Count);
    }

    private static Wire.UpdateConfig RandomUpdate(Random random) => new()
    {
        Parallelism = (ulong)random.Next(0, 4),
        Delay = Specs.Seconds(random.Next(0, 10)),
        Monitor = Specs.Seconds(random.Next(0, 10)),
        Order = (Wire.UpdateConfig.Types.UpdateOrder)random.Next(2),
        FailureAction = (Wire.UpdateConfig.Types.FailureAction)random.Next(3),
        MaxFailureRatio = random.Next(2) * 0.5f,
    };

    private static void Disturb(LoopHarness harness, Random random, string web, string agent)
    {
        var node = Nodes[random.Next(Nodes.Length)];
        switch (random.Next(9))
        {
            case 0: harness.Scale(web, (ulong)random.Next(0, 30)); break;
            case 1: harness.SetImage(random.Next(2) == 0 ? web : agent, "app:" + random.Next(1, 9).ToString(CultureInfo.InvariantCulture)); break;
            case 2: harness.LoseNode(node); break;
            case 3: Return(harness, node); break;
            case 4: harness.SetAvailability(node, (Availability)random.Next(3)); break;
            case 5: harness.ChangeLeader(nodesReturn: random.Next(2) == 0); break;
            case 6: harness.Engines.HoldStops = random.Next(2) == 0; harness.Engines.Wake(); break;
            case 7:
                var state = (Wire.TaskState?)new[] { Wire.TaskState.Running, Wire.TaskState.Failed, Wire.TaskState.Rejected }[random.Next(3)];
                harness.Engines.Outcome = task => task.Id[0] % 3 == 0 ? state : Wire.TaskState.Running;
                break;
            default:
                var running = harness.State.Tasks.All.Where(t => t.State == Wire.TaskState.Running && !harness.Engines.Dead.Contains(t.NodeId)).ToList();
                if (running.Count > 0)
                    harness.Engines.Fail(running[random.Next(running.Count)].Id);
                break;
        }
    }

    private static void Return(LoopHarness harness, string node)
    {
        harness.Engines.Dead.Remove(node);
        harness.Arrive(node);
        harness.Engines.Wake();
    }

    private static void Heal(LoopHarness harness, string web, string agent)
    {
        harness.Engines.Outcome = _ => Wire.TaskState.Running;
        harness.Engines.HoldStops = false;
        foreach (var node in Nodes)
        {
            harness.SetAvailability(node, Availability.Active);
            Return(harness, node);
        }
        // A paused update goes on only when somebody says so.
        harness.UpdateService(web, _ => { });
        harness.UpdateService(agent, _ => { });
    }
}
