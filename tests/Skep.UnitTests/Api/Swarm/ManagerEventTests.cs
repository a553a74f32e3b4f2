using Skep.Api.Swarm.Events;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

/// <summary>docker events, of what happens to managers.</summary>
public sealed class ManagerEventTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly Wire.Node Host = new() { Id = "host", Description = new Wire.NodeDescription { Hostname = "h1" } };

    [Fact]
    public void A_promotion_and_a_demotion_are_updates_of_the_hosts_role()
    {
        var standby = new Skep.State.Manager { Id = "m", NodeId = "host", Standby = true };
        var member = new Skep.State.Manager { Id = "m", NodeId = "host", Joining = true };
        var promoted = SwarmEventMaker.ManagerChanged(Host, standby, member, Now)!;
        Assert.Equal(("node", "update", "host"), (promoted.Type, promoted.Action, promoted.Actor.ID));
        Assert.Equal(("worker", "manager", "h1"), (promoted.Actor.Attributes["role.old"], promoted.Actor.Attributes["role.new"], promoted.Actor.Attributes["name"]));
        Assert.Equal("worker", SwarmEventMaker.ManagerChanged(Host, member, standby, Now)!.Actor.Attributes["role.new"]);
        Assert.Equal("worker", SwarmEventMaker.ManagerChanged(Host, member, null, Now)!.Actor.Attributes["role.new"]);
    }

    [Fact]
    public void A_manager_that_is_no_longer_heard_is_an_update_of_its_reachability()
    {
        var heard = new Skep.State.Manager { Id = "m", NodeId = "host" };
        var lost = new Skep.State.Manager { Id = "m", NodeId = "host", Unreachable = true };
        var attributes = SwarmEventMaker.ManagerChanged(Host, heard, lost, Now)!.Actor.Attributes;
        Assert.Equal(("reachable", "unreachable"), (attributes["reachability.old"], attributes["reachability.new"]));
    }

    [Fact]
    public void What_nobody_sees_is_no_event()
    {
        var before = new Skep.State.Manager { Id = "m", NodeId = "host", Run = "a", Joining = true };
        Assert.Null(SwarmEventMaker.ManagerChanged(Host, before, new Skep.State.Manager { Id = "m", NodeId = "host", Run = "b" }, Now));
    }
}
