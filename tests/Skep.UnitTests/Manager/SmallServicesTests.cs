using Skep.Manager.Allocation;
using Skep.Manager.Orchestration;
using Skep.Manager.Scheduling;
using Xunit;

namespace Skep.UnitTests.Manager;

public sealed class SmallServicesTests
{
    private const int Budget = 500;

    private readonly LoopHarness _cluster = new(() => [.. ServiceRules.Create(), new AllocationRule(), new SchedulingRule()], Budget);

    public SmallServicesTests()
    {
        _cluster.AddNodes(5);
        _cluster.Settle();
    }

    [Fact]
    public void One_has_its_node_in_the_turn_in_which_it_is_made_however_far_a_burst_of_another_is()
    {
        var burst = _cluster.CreateService(Specs.Replicated("burst", 20_000));
        var turns = 0;
        for (; _cluster.TasksOf(burst).Count(t => t.State == Wire.TaskState.Assigned) < 20_000; turns++)
        {
            var small = _cluster.CreateService(Specs.Replicated($"small{turns}", 1));
            Assert.Equal(Wire.TaskState.Assigned, Assert.Single(_cluster.TasksOf(small)).State);
            Assert.True(turns < 1_000, "the burst is never placed");
        }
        // Three changes a task; what small services had came on top.
        Assert.InRange(turns, 20_000 * 3 / Budget - 5, 20_000 * 3 / Budget + 5);
    }

    [Fact]
    public void However_many_they_are_they_come_to_run_and_so_does_the_burst()
    {
        var burst = _cluster.CreateService(Specs.Replicated("burst", 5_000));
        var small = Enumerable.Range(0, 300).Select(i => _cluster.CreateService(Specs.Replicated($"small{i}", 90))).ToList();
        _cluster.Settle();
        Assert.Equal(5_000, _cluster.RunningTasksOf(burst).Count);
        Assert.All(small, id => Assert.Equal(90, _cluster.RunningTasksOf(id).Count));
    }

    [Fact]
    public void What_no_node_can_take_is_told_so_and_holds_up_nobody()
    {
        var impossible = Enumerable.Range(0, 30).Select(i => _cluster.CreateService(Specs.Replicated($"impossible{i}", 2, s => s.Task.Placement = new Wire.Placement { Constraints = { "node.labels.no==where" } }))).ToList();
        var burst = _cluster.CreateService(Specs.Replicated("burst", 5_000));
        var small = _cluster.CreateService(Specs.Replicated("small", 2));
        Assert.All(_cluster.TasksOf(small), t => Assert.Equal(Wire.TaskState.Assigned, t.State));
        _cluster.Settle();
        Assert.Equal(5_000, _cluster.RunningTasksOf(burst).Count);
        Assert.All(impossible.SelectMany(_cluster.TasksOf), t => Assert.StartsWith("no suitable node", t.Status.Err, StringComparison.Ordinal));
    }
}
