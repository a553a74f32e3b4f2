using Google.Protobuf.WellKnownTypes;
using Skep.Manager;
using Skep.State;
using Xunit;
using NodeState = Skep.Wire.NodeStatus.Types.State;

namespace Skep.UnitTests.Manager.Nodes;

/// <summary>Nodes whose manager is gone; the harness's manager is "manager", a second one holds sessions too.</summary>
public sealed class MissingNodesRuleTests
{
    private readonly LoopHarness _harness = new(() => []);

    public MissingNodesRuleTests()
    {
        _harness.Call(new AddManager(new Skep.State.Manager { Id = "other", RaftId = 2, Addr = "10.0.0.2:2377", Run = "other-run", FormatRun = "other-run", Format = ClusterState.Format }));
        _harness.AddNode("here");
        _harness.AddNode("there");
        _harness.Arrive("there", "other-run");
        _harness.Settle();
    }

    [Fact]
    public void A_change_of_leader_leaves_nodes_alone_whose_manager_lives()
    {
        var turns = _harness.Batches.Count;
        _harness.Call(new LeadershipBegan("other", "other-run"));
        _harness.BeginTerm(_harness.Run);
        _harness.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal((NodeState.Ready, NodeState.Ready), (StateOf("here"), StateOf("there")));
        Assert.Equal(turns, _harness.Batches.Count);
    }

    [Fact]
    public void Nodes_of_a_leader_that_was_started_anew_are_unknown_and_down_after_twice_the_grace_period()
    {
        _harness.BeginTerm("new-run");
        Assert.Equal("new-run", _harness.State.Managers["manager"].Run);
        Assert.Equal(NodeState.Unknown, StateOf("here"));
        Assert.Equal("Node moved to \"unknown\" state due to leadership change in cluster", _harness.State.Nodes["here"].Status.Message);
        Assert.Equal("10.0.1.1", _harness.State.Nodes["here"].Status.Addr);
        Assert.Equal(NodeState.Ready, StateOf("there"));
        _harness.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(NodeState.Unknown, StateOf("here"));
        _harness.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(NodeState.Down, StateOf("here"));
        Assert.Equal("heartbeat failure", _harness.State.Nodes["here"].Status.Message);
        Assert.Equal(NodeState.Ready, StateOf("there"));
    }

    [Fact]
    public void The_time_to_return_goes_by_the_clusters_heartbeat_period()
    {
        var cluster = _harness.State.Cluster!.Clone();
        cluster.Spec.Dispatcher = new Wire.DispatcherConfig { HeartbeatPeriod = Duration.FromTimeSpan(TimeSpan.FromSeconds(20)) };
        _harness.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
        _harness.BeginTerm("new-run");
        _harness.Advance(TimeSpan.FromSeconds(119));
        Assert.Equal(NodeState.Unknown, StateOf("here"));
        _harness.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(NodeState.Down, StateOf("here"));
    }

    [Fact]
    public void A_node_that_arrives_elsewhere_in_time_is_ready_and_stays_so()
    {
        SetUnreachable("other", true);
        Assert.Equal(NodeState.Unknown, StateOf("there"));
        Assert.Contains("manager other at 10.0.0.2:2377", _harness.State.Nodes["there"].Status.Message, StringComparison.Ordinal);
        _harness.Advance(TimeSpan.FromSeconds(10));
        _harness.Arrive("there");
        _harness.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(NodeState.Ready, StateOf("there"));
    }

    [Fact]
    public void A_manager_that_is_reached_again_in_time_says_which_nodes_it_still_holds()
    {
        var session = _harness.Arrive("there", "other-run");
        SetUnreachable("other", true);
        var early = Assert.Throws<ControlException>(() => _harness.Call(new NodeHeld("there", session)));
        Assert.Equal(ControlError.Unavailable, early.Error);
        SetUnreachable("other", false);
        Assert.Equal(NodeState.Unknown, StateOf("there"));
        _harness.Call(new NodeHeld("there", session));
        _harness.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(NodeState.Ready, StateOf("there"));
    }

    [Fact]
    public void A_node_that_went_down_in_vain_comes_back_when_its_manager_is_reached_again()
    {
        var session = _harness.Arrive("there", "other-run");
        SetUnreachable("other", true);
        _harness.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(NodeState.Down, StateOf("there"));
        SetUnreachable("other", false);
        _harness.Call(new NodeHeld("there", session));
        Assert.Equal(NodeState.Ready, StateOf("there"));
    }

    [Fact]
    public void Word_of_a_session_that_is_no_longer_the_nodes_counts_for_nothing()
    {
        var old = _harness.Arrive("there", "other-run");
        _harness.Arrive("there");
        _harness.Call(new NodeLost("there", old, "heartbeat failure"));
        Assert.Equal(NodeState.Ready, StateOf("there"));
        _harness.BeginTerm("new-run");
        _harness.Call(new NodeHeld("there", old));
        Assert.Equal(NodeState.Unknown, StateOf("there"));
    }

    [Fact]
    public void Nodes_of_a_manager_that_was_removed_or_started_anew_are_missed()
    {
        _harness.Call(new ManagerReport("other", "", "", "next-run", 0));
        Assert.Equal(NodeState.Unknown, StateOf("there"));
        Assert.Contains("restarted", _harness.State.Nodes["there"].Status.Message, StringComparison.Ordinal);
        _harness.Arrive("there", "next-run");
        Assert.Equal(NodeState.Ready, StateOf("there"));
        _harness.Emit(new Mutation { RemoveManager = new RemoveObject { Id = "other" } });
        Assert.Equal(NodeState.Unknown, StateOf("there"));
        Assert.Equal(NodeState.Ready, StateOf("here"));
    }

    [Fact]
    public void A_node_that_has_just_joined_and_not_come_yet_is_not_missed_by_the_leader_who_saw_it_join()
    {
        _harness.Call(new CertificateIssued("fresh", new Wire.Certificate { Cn = "fresh" }, default));
        _harness.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(NodeState.Unknown, StateOf("fresh"));
        _harness.BeginTerm(_harness.Run);
        _harness.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(NodeState.Down, StateOf("fresh"));
    }

    [Fact]
    public void Nodes_that_are_down_stay_down_over_a_change_of_leader_and_count_their_day_on()
    {
        _harness.LoseNode("there");
        var since = _harness.State.Nodes["there"].Meta.UpdatedAt;
        _harness.BeginTerm("new-run");
        Assert.Equal(NodeState.Down, StateOf("there"));
        Assert.Equal(since, _harness.State.Nodes["there"].Meta.UpdatedAt);
    }

    [Fact]
    public void A_host_without_an_engine_is_ready_as_long_as_its_manager_is_reached()
    {
        _harness.Call(new HostWithoutEngine("other", "host", "10.0.0.2"));
        SetUnreachable("other", true);
        Assert.Equal(NodeState.Down, StateOf("other"));
        _harness.BeginTerm(_harness.Run);
        Assert.Equal(NodeState.Down, StateOf("other"));
        SetUnreachable("other", false);
        Assert.Equal(NodeState.Ready, StateOf("other"));
        // A leader reaches itself.
        SetUnreachable("other", true);
        _harness.Call(new LeadershipBegan("other", "other-run"));
        Assert.Equal(NodeState.Ready, StateOf("other"));
    }

    [Fact]
    public void A_removed_node_has_no_session_and_is_not_missed()
    {
        SetUnreachable("other", true);
        _harness.Emit(new Mutation { RemoveNode = new RemoveObject { Id = "there" } });
        Assert.DoesNotContain("there", _harness.State.Sessions.Keys);
        _harness.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(["here"], _harness.State.Nodes.Keys);
    }

    [Fact]
    public void Thousands_of_nodes_are_missed_in_bounded_turns()
    {
        var harness = new LoopHarness(() => [], budget: 100);
        harness.AddNodes(1000);
        harness.BeginTerm("new-run");
        Assert.InRange(harness.Batches[^1].Mutations.Count, 1, 102);
        harness.Settle();
        Assert.All(harness.State.Nodes.Values, node => Assert.Equal(NodeState.Unknown, node.Status.State));
        Assert.All(harness.State.Nodes.Values, node => Assert.Contains("due to leadership change", node.Status.Message, StringComparison.Ordinal));
        harness.Advance(TimeSpan.FromSeconds(31));
        Assert.All(harness.State.Nodes.Values, node => Assert.Equal(NodeState.Down, node.Status.State));
    }

    private NodeState StateOf(string nodeId) => _harness.State.Nodes[nodeId].Status.State;

    private void SetUnreachable(string managerId, bool unreachable)
    {
        _harness.Call(new ManagerReachability(managerId, !unreachable));
        _harness.Settle();
    }
}
