using Skep.Manager;
using Skep.Manager.Scheduling;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager;

/// <summary>A group is upgraded manager by manager: the leader writes what the oldest member understands.</summary>
public sealed class MixedVersionsTests
{
    private readonly LoopHarness _cluster = new(() => [new StandInAllocator(), new SchedulingRule()]);

    [Fact]
    public void Tasks_are_assigned_one_by_one_while_a_member_knows_no_other_way_and_together_once_it_is_upgraded()
    {
        _cluster.AddNodes(2);
        _cluster.AddService("web");
        _cluster.Call(new AddManager(new Skep.State.Manager { Id = "older", RaftId = 2, Addr = "10.0.0.2:2377", Run = "one" }));
        _cluster.Batches.Clear();
        _cluster.AddTasks("web", 10);
        Assert.Equal((10, 0), Assigned());
        Assert.All(_cluster.Batches, batch => Assert.Equal(1u, batch.Format));

        _cluster.Call(new ManagerReport("older", "", "", "two", ClusterState.Format));
        _cluster.Batches.Clear();
        _cluster.AddTasks("web", 10);
        Assert.Equal((0, 10), Assigned());
        Assert.Contains(_cluster.Batches, batch => batch.Format == ClusterState.Format);
    }

    [Fact]
    public void A_member_that_goes_back_to_an_older_version_is_heeded_again()
    {
        _cluster.Call(new AddManager(new Skep.State.Manager { Id = "other", RaftId = 2, Addr = "10.0.0.2:2377", Run = "one", FormatRun = "one", Format = ClusterState.Format }));
        Assert.Equal(ClusterState.Format, _cluster.State.SharedFormat);
        _cluster.Call(new ManagerReport("other", "", "", "two", 0));
        Assert.Equal(1u, _cluster.State.SharedFormat);
    }

    /// <summary>Such a leader knows no field of the format, and keeps it as it keeps all that it does not know.</summary>
    [Fact]
    public void What_an_earlier_run_said_does_not_count_when_a_leader_of_an_older_version_noted_the_new_one()
    {
        var noted = new Skep.State.Manager { Id = "other", RaftId = 2, Addr = "10.0.0.2:2377", Run = "one", FormatRun = "one", Format = ClusterState.Format };
        noted.Run = "two";
        _cluster.Call(new AddManager(noted));
        Assert.Equal(1u, _cluster.State.SharedFormat);

        _cluster.Call(new ManagerReport("other", "", "", "two", ClusterState.Format));
        Assert.Equal(ClusterState.Format, _cluster.State.SharedFormat);
    }

    [Fact]
    public void A_report_without_a_run_says_nothing_of_the_version()
    {
        _cluster.Call(new ManagerReport("manager", "node", "", "", 0));
        Assert.Equal(ClusterState.Format, _cluster.State.SharedFormat);
    }

    /// <summary>It holds no log: what is in it does not concern it until it is a member.</summary>
    [Fact]
    public void A_standby_does_not_hold_the_others_back()
    {
        _cluster.Call(new AddManager(new Skep.State.Manager { Id = "standby", Standby = true, Addr = "10.0.0.3:2377" }));
        Assert.Equal(ClusterState.Format, _cluster.State.SharedFormat);
    }

    private (int OneByOne, int Together) Assigned()
    {
        var mutations = _cluster.Batches.SelectMany(batch => batch.Mutations).ToList();
        return (mutations.Count(m => m.AssignTask is not null), mutations.Sum(m => m.AssignTasks?.TaskIds.Count ?? 0));
    }
}
