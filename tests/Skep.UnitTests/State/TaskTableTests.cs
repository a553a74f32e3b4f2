using Skep.State;
using Xunit;

namespace Skep.UnitTests.State;

public sealed class TaskTableTests
{
    private static readonly string[] Nodes = ["", "n1", "n2", "n3"];
    private static readonly Wire.TaskState[] States = [Wire.TaskState.New, Wire.TaskState.Assigned, Wire.TaskState.Running, Wire.TaskState.Complete, Wire.TaskState.Failed];
    private static readonly Wire.TaskState[] Desired = [Wire.TaskState.Running, Wire.TaskState.Complete, Wire.TaskState.Shutdown];
    private static readonly TaskSpecRecord[] Specs = [.. new[] { "", "web", "api" }.Select(service => new TaskSpecRecord(service, 1, new(), new()))];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_index_tells_the_same_as_a_walk_over_all_tasks(int seed)
    {
        var random = new Random(seed);
        var table = new TaskTable();
        var model = new List<TaskRecord>(); // oldest first
        for (var step = 0; step < 3000; step++)
        {
            var what = random.Next(10);
            if (what < 4 || model.Count == 0)
            {
                var task = NewTask(random, $"t{step}");
                model.Add(task);
                table.Put(null, task);
            }
            else if (what < 7)
            {
                var at = random.Next(model.Count);
                // A task keeps its slot; a node is given to it once, or taken again.
                var changed = model[at] with { NodeId = model[at].Slot == 0 ? model[at].NodeId : Nodes[random.Next(Nodes.Length)], Version = (ulong)step, Status = AnyStatus(random), DesiredState = AnyOf(random, Desired) };
                table.Put(model[at], changed);
                model[at] = changed;
            }
            else
            {
                var at = random.Next(model.Count);
                table.Remove(model[at]);
                model.RemoveAt(at);
            }
            if (step % 100 == 0)
                table = table.Clone();
            if (step % 50 == 0)
                Compare(model, table);
        }
        Compare(model, table);
    }

    [Fact]
    public void A_copy_does_not_see_what_happens_to_the_other()
    {
        var table = new TaskTable();
        var task = NewTask(new Random(1), "t1") with { NodeId = "n1" };
        table.Put(null, task);
        var copy = table.Clone();

        table.Put(task, task with { NodeId = "n2" });
        table.Put(null, NewTask(new Random(2), "t2"));

        Assert.Same(task, copy.Find("t1"));
        Assert.Single(copy.OnNode("n1"));
        Assert.Single(copy.All);
    }

    [Fact]
    public void What_a_reader_took_of_a_slot_stays_as_it_was()
    {
        var table = new TaskTable();
        var task = NewTask(new Random(1), "t1") with { Spec = Specs[1], Slot = 1 };
        table.Put(null, task);
        var taken = table.InSlot("web", new SlotKey(1, ""));

        table.Put(null, task with { Id = "t2" });
        table.Remove(task);

        Assert.Equal([task], taken);
        Assert.Equal("t2", Assert.Single(table.InSlot("web", new SlotKey(1, ""))).Id);
    }

    private static TaskRecord NewTask(Random random, string id)
    {
        var global = random.Next(3) == 0;
        return new()
        {
            Id = id,
            Spec = Specs[random.Next(Specs.Length)],
            Slot = global ? 0 : (ulong)random.Next(1, 6),
            NodeId = global ? Nodes[random.Next(1, Nodes.Length)] : Nodes[random.Next(Nodes.Length)],
            DesiredState = AnyOf(random, Desired),
            Status = AnyStatus(random),
        };
    }

    private static TaskStatusRecord AnyStatus(Random random) => new(new Wire.TaskStatus { State = AnyOf(random, States) });

    private static Wire.TaskState AnyOf(Random random, Wire.TaskState[] states) => states[random.Next(states.Length)];

    private static void Compare(List<TaskRecord> model, TaskTable table)
    {
        Assert.Equal(model.Count, table.Count);
        Equal(model, table.All);
        foreach (var task in model)
            Assert.Same(task, table.Find(task.Id));
        foreach (var node in Nodes)
            Equal(model.Where(t => node.Length > 0 && t.NodeId == node), table.OnNode(node));
        foreach (var service in new[] { "web", "api" })
        {
            var tasks = model.Where(t => t.ServiceId == service).ToList();
            Equal(tasks, table.OfService(service));
            Assert.Equal(new TaskCounts(
                tasks.Count(t => t.State == Wire.TaskState.Running),
                tasks.Count(t => t.State == Wire.TaskState.Complete),
                tasks.Count(t => t.DesiredState == Wire.TaskState.Running),
                tasks.Count(t => t.DesiredState == Wire.TaskState.Complete && t.State != Wire.TaskState.Complete)), table.CountsOf(service));
            Assert.Equal(tasks.Select(t => t.SlotKey).ToHashSet(), [.. table.SlotsOf(service)]);
            foreach (var slot in tasks.GroupBy(t => t.SlotKey))
                Assert.Equal(slot, table.InSlot(service, slot.Key));
        }
        Assert.Empty(table.OfService(""));
    }

    private static void Equal(IEnumerable<TaskRecord> expected, IReadOnlyCollection<TaskRecord> actual)
    {
        Assert.Equal(expected.Select(t => t.Id).Order(StringComparer.Ordinal), actual.Select(t => t.Id).Order(StringComparer.Ordinal));
        Assert.Equal(actual.Count, actual.ToList().Count);
    }
}
