using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Skep.Manager;
using Skep.Manager.Orchestration;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Control;

public sealed class NodeControlTests
{
    private readonly LoopHarness _harness = new(() => [.. ServiceRules.Create(), new StandInAllocator(), new StandInScheduler()]);

    public NodeControlTests() => _harness.AddNodes(2);

    [Fact]
    public void Availability_and_labels_can_be_changed()
    {
        var spec = SpecOf("node0001");
        spec.Availability = Wire.NodeSpec.Types.Availability.Drain;
        spec.Annotations = new Wire.Annotations { Labels = { ["zone"] = "a" } };
        // Docker's API knows no membership.
        spec.Membership = Wire.NodeSpec.Types.Membership.Pending;
        var node = Update("node0001", spec);
        Assert.Equal(Wire.NodeSpec.Types.Availability.Drain, node.Spec.Availability);
        Assert.Equal("a", node.Spec.Annotations.Labels["zone"]);
        Assert.Equal(Wire.NodeSpec.Types.Membership.Accepted, node.Spec.Membership);
        Assert.Same(_harness.State.Nodes["node0001"], node);
    }

    [Fact]
    public void An_update_of_what_somebody_else_has_changed_meanwhile_is_refused()
    {
        var version = new Wire.Version { Index = _harness.State.Nodes["node0001"].Meta.Version.Index - 1 };
        ServiceControlTests.Refused(ControlError.OutOfSequence, "update out of sequence", () => Update("node0001", SpecOf("node0001"), version));
    }

    [Fact]
    public void A_node_without_a_manager_cannot_be_promoted_by_a_word()
    {
        var spec = SpecOf("node0001");
        spec.DesiredRole = Wire.NodeRole.Manager;
        ServiceControlTests.Refused(ControlError.FailedPrecondition,
            "node node0001 can't be promoted: no skepd stands beside its engine; install skepd there and let it join: 'docker -H unix:///run/skep.sock swarm join'",
            () => Update("node0001", spec));
    }

    [Fact]
    public void The_last_manager_cannot_be_demoted()
    {
        Host("node0001");
        ServiceControlTests.Refused(ControlError.FailedPrecondition, "attempting to demote the last manager of the swarm", () => Update("node0001", SpecOf("node0001")));
    }

    [Fact]
    public void A_standby_that_is_promoted_joins_under_a_new_raft_id()
    {
        _harness.Call(new AddManager(new Skep.State.Manager { Id = "standby", Standby = true, Addr = "10.0.0.2:2377", NodeId = "node0002" }));
        SetRole("node0002", Wire.NodeRole.Manager);
        var first = _harness.State.Managers["standby"];
        Assert.Equal((false, true), (first.Standby, first.Joining));
        Assert.NotEqual(0UL, first.RaftId);
        SetRole("node0002", Wire.NodeRole.Worker);
        SetRole("node0002", Wire.NodeRole.Manager);
        Assert.NotEqual(first.RaftId, _harness.State.Managers["standby"].RaftId);
    }

    [Fact]
    public void A_manager_cannot_be_demoted_when_the_rest_would_have_no_quorum()
    {
        Host("node0001");
        AddVoter("second", "node0002");
        _harness.Call(new AddManager(new Skep.State.Manager { Id = "third", RaftId = 3, Addr = "10.0.0.3:2377", NodeId = "elsewhere" }));
        _harness.Call(new ManagerReachability("second", IsReachable: false));
        ServiceControlTests.Refused(ControlError.FailedPrecondition, "can't remove member from the raft: this would result in a loss of quorum", () => SetRole("node0001", Wire.NodeRole.Worker));
        // The one that is gone may go, and then a second one only if it is heard from.
        SetRole("node0002", Wire.NodeRole.Worker);
        Assert.True(_harness.State.Managers["second"].Standby);
        SetRole("node0001", Wire.NodeRole.Worker);
        ServiceControlTests.Refused(ControlError.FailedPrecondition, "attempting to demote the last manager of the swarm", () => _harness.Call(new RemoveManager("third")));
    }

    [Fact]
    public void A_demoted_host_can_be_removed_and_its_skepd_with_it()
    {
        Host("node0001");
        AddVoter("second", "node0002");
        SetRole("node0002", Wire.NodeRole.Worker);
        Remove("node0002", force: true);
        Assert.DoesNotContain("second", _harness.State.Managers.Keys);
    }

    [Fact]
    public void There_is_a_most_of_managers()
    {
        for (var i = 2; i <= 7; i++)
            AddVoter($"m{i}", $"host{i}");
        Assert.Equal(ControlError.FailedPrecondition, Assert.Throws<ControlException>(() => AddVoter("m8", "host8")).Error);
    }

    [Fact]
    public void The_host_of_a_manager_can_be_drained_and_its_engine_stays_a_worker()
    {
        Host("node0001");
        var spec = SpecOf("node0001");
        spec.DesiredRole = Wire.NodeRole.Manager;
        spec.Availability = Wire.NodeSpec.Types.Availability.Drain;
        var node = Update("node0001", spec);
        Assert.Equal((Wire.NodeSpec.Types.Availability.Drain, Wire.NodeRole.Worker), (node.Spec.Availability, node.Spec.DesiredRole));
    }

    [Fact]
    public void A_host_without_an_engine_stays_drained()
    {
        _harness.Call(new HostWithoutEngine("manager", "host", "10.0.0.1"));
        var spec = SpecOf("manager");
        spec.Availability = Wire.NodeSpec.Types.Availability.Active;
        ServiceControlTests.Refused(ControlError.FailedPrecondition, "node manager has no engine that could run tasks: its availability stays drain", () => Update("manager", spec));
    }

    [Fact]
    public void A_node_that_is_not_down_is_removed_by_force_only()
    {
        ServiceControlTests.Refused(ControlError.FailedPrecondition, "node node0001 is not down and can't be removed", () => Remove("node0001"));
        Remove("node0001", force: true);
        Assert.DoesNotContain("node0001", _harness.State.Nodes.Keys);
        ServiceControlTests.Refused(ControlError.NotFound, "node node0001 not found", () => Remove("node0001"));
    }

    [Fact]
    public void The_host_of_a_manager_cannot_be_removed()
    {
        Host("node0001");
        ServiceControlTests.Refused(ControlError.FailedPrecondition,
            "node node0001 is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal",
            () => Remove("node0001", force: true));
    }

    [Fact]
    public void A_removed_node_is_locked_out_until_its_certificate_expires()
    {
        var expiry = new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=node0001", key, HashAlgorithmName.SHA256).CreateSelfSigned(expiry.AddDays(-90), expiry);
        _harness.Call(new CertificateIssued("node0001", new Wire.Certificate { Cn = "node0001", Certificate_ = ByteString.CopyFromUtf8(certificate.ExportCertificatePem()) }, default));
        Remove("node0001", force: true);
        Assert.Equal(expiry, _harness.State.Cluster!.BlacklistedCertificates["node0001"].Expiry.ToDateTimeOffset());
        Remove("node0002", force: true);
        Assert.Null(_harness.State.Cluster.BlacklistedCertificates["node0002"].Expiry);
    }

    [Fact]
    public void Whoever_was_locked_out_is_forgotten_a_week_after_his_certificate_has_expired()
    {
        var cluster = _harness.State.Cluster!.Clone();
        cluster.BlacklistedCertificates["old"] = new Wire.BlacklistedCertificate { Expiry = SwarmTime.ToWire(_harness.Now.AddDays(-8)) };
        cluster.BlacklistedCertificates["recent"] = new Wire.BlacklistedCertificate { Expiry = SwarmTime.ToWire(_harness.Now.AddDays(-6)) };
        _harness.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
        Remove("node0001", force: true);
        Assert.Equal(["node0001", "recent"], _harness.State.Cluster.BlacklistedCertificates.Keys.Order());
    }

    [Fact]
    public void Tasks_of_a_removed_node_are_orphaned_and_replaced_elsewhere()
    {
        var web = _harness.CreateService(Specs.Replicated("web", 4));
        _harness.Settle();
        _harness.LoseNode("node0001");
        _harness.Advance(TimeSpan.FromSeconds(10));
        Remove("node0001");
        _harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(4, _harness.RunningTasksOf(web).Count(t => t.NodeId == "node0002"));
        var orphans = _harness.TasksOf(web).Where(t => t.NodeId == "node0001").ToList();
        Assert.Equal(2, orphans.Count);
        Assert.All(orphans, t => Assert.Equal((Wire.TaskState.Orphaned, "Task belonged to a node that has been deleted"), (t.State, t.Status.Message)));
    }

    [Fact]
    public void A_running_node_that_is_removed_by_force_loses_its_tasks_to_others()
    {
        var web = _harness.CreateService(Specs.Replicated("web", 4));
        _harness.Settle();
        _harness.Engines.Dead.Add("node0001");
        Remove("node0001", force: true);
        _harness.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(4, _harness.RunningTasksOf(web).Count(t => t.NodeId == "node0002"));
    }

    private Wire.NodeSpec SpecOf(string id) => _harness.State.Nodes[id].Spec.Clone();

    private Wire.Node Update(string id, Wire.NodeSpec spec, Wire.Version? version = null) => _harness.Call<Wire.UpdateNodeResponse>(new Wire.UpdateNodeRequest
    {
        NodeId = id,
        NodeVersion = version ?? _harness.State.Nodes[id].Meta.Version,
        Spec = spec,
    }).Node;

    private void Remove(string id, bool force = false) => _harness.Call<Wire.RemoveNodeResponse>(new Wire.RemoveNodeRequest { NodeId = id, Force = force });

    private void SetRole(string nodeId, Wire.NodeRole role)
    {
        var spec = SpecOf(nodeId);
        spec.DesiredRole = role;
        Update(nodeId, spec);
    }

    private void AddVoter(string id, string nodeId) => _harness.Call(new AddManager(new Skep.State.Manager { Id = id, RaftId = (ulong)id.GetHashCode(StringComparison.Ordinal) | 1, Addr = "10.0.0.9:2377", NodeId = nodeId }));

    private void Host(string nodeId) => _harness.Call(new ManagerReport("manager", nodeId, "", "", 0));
}
