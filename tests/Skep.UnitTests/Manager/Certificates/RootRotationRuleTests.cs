using Google.Protobuf;
using Skep.Manager;
using Skep.Manager.Certificates;
using Skep.Security;
using Skep.State;
using Skep.Wire;
using Xunit;
using Issuance = Skep.Wire.IssuanceStatus.Types.State;

namespace Skep.UnitTests.Manager.Certificates;

public sealed class RootRotationRuleTests
{
    private static readonly ByteString Old = NewRoot();
    private static readonly ByteString Next = NewRoot();
    private static readonly ByteString Another = NewRoot();

    private readonly LoopHarness _harness = new(() => [new RootRotationRule()]);

    public RootRotationRuleTests()
    {
        PutRoot(new RootCA { CaCert = Old, CaKey = Key("old"), CaCertHash = "old", JoinTokens = new JoinTokens { Worker = "old worker", Manager = "old manager" }, LastForcedRotation = 1 });
        Certify("manager", Old);
    }

    private RootCA Root => _harness.State.Cluster!.RootCa;

    [Fact]
    public void Nodes_are_told_some_at_a_time()
    {
        AddNodes(70);

        Rotate(Next);
        Assert.Equal(30, Told().Count);
        _harness.Advance(TimeSpan.FromSeconds(2.9));
        Assert.Equal(30, Told().Count);
        _harness.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(60, Told().Count);
        _harness.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(70, Told().Count);
        Assert.NotNull(Root.RootRotation);
    }

    [Fact]
    public void It_ends_when_the_last_node_and_the_last_manager_hold_a_certificate_of_the_next_root()
    {
        AddNodes(2);
        Rotate(Next, Key("next"));
        Renew("node1", Next);
        Renew("node2", Next);
        _harness.Advance(TimeSpan.FromMinutes(1));
        Assert.NotNull(Root.RootRotation);

        Certify("manager", Next);
        _harness.Settle();

        Assert.Null(Root.RootRotation);
        Assert.Equal(Next, Root.CaCert);
        Assert.Equal(Key("next"), Root.CaKey);
        Assert.Equal(ClusterRoot.HashOf(Next), Root.CaCertHash);
        Assert.Equal(2ul, Root.LastForcedRotation);
        Assert.True(JoinToken.Parse(Root.JoinTokens.Worker).IsOf(Next.Span));
        Assert.True(JoinToken.Parse(Root.JoinTokens.Manager).IsOf(Next.Span));
        Assert.NotEqual(Root.JoinTokens.Worker, Root.JoinTokens.Manager);
        Assert.Null(_harness.Loop.NextDue);
    }

    [Fact]
    public void A_node_that_got_a_certificate_and_does_not_say_so_is_told_again()
    {
        AddNodes(1);
        Rotate(Next);
        _harness.Call(new CertificateIssued("node1", new Certificate { Cn = "node1", Status = new IssuanceStatus { State = Issuance.Issued } }, NodeSpec.Types.Availability.Active));
        Assert.Empty(Told());

        _harness.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(["node1"], Told());
    }

    [Fact]
    public void A_node_that_is_down_is_waited_for_until_it_comes_or_is_removed()
    {
        AddNodes(2);
        _harness.LoseNode("node2");
        Rotate(Next);
        Renew("node1", Next);
        Certify("manager", Next);
        _harness.Advance(TimeSpan.FromHours(1));
        Assert.NotNull(Root.RootRotation);

        _harness.Call<RemoveNodeResponse>(new RemoveNodeRequest { NodeId = "node2" });
        _harness.Settle();

        Assert.Null(Root.RootRotation);
    }

    [Fact]
    public void A_node_that_joins_meanwhile_is_waited_for()
    {
        Rotate(Next);
        AddNodes(1);
        Certify("manager", Next);
        _harness.Settle();
        Assert.NotNull(Root.RootRotation);

        Renew("node1", Next);
        _harness.Settle();

        Assert.Null(Root.RootRotation);
    }

    [Fact]
    public void The_next_leader_goes_on_from_the_state_alone()
    {
        AddNodes(2);
        Rotate(Next);
        Renew("node1", Next);
        _harness.ChangeLeader();
        Assert.NotNull(Root.RootRotation);
        Renew("node2", Next);
        Certify("manager", Next);
        _harness.Settle();

        Assert.Equal(Next, Root.CaCert);
        Assert.Null(Root.RootRotation);
    }

    [Fact]
    public void Another_rotation_takes_the_place_of_one_that_has_not_ended()
    {
        AddNodes(1);
        Rotate(Next);
        Renew("node1", Next);
        Rotate(Another);
        Certify("manager", Another);
        _harness.Settle();
        Assert.NotNull(Root.RootRotation);
        Assert.Equal(["node1"], Told());

        Renew("node1", Another);
        _harness.Settle();

        Assert.Equal(Another, Root.CaCert);
    }

    [Fact]
    public void A_rotation_that_is_called_off_leaves_nodes_alone()
    {
        AddNodes(40);
        Rotate(Next);
        var told = Told().Count;
        var back = Root.Clone();
        back.RootRotation = null;
        PutRoot(back);

        _harness.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(told, Told().Count);
        Assert.Equal(Old, Root.CaCert);
        Assert.Null(_harness.Loop.NextDue);
    }

    [Fact]
    public void A_skepd_that_stands_by_is_waited_for_until_it_is_removed()
    {
        _harness.Call(new AddManager(new Skep.State.Manager { Id = "standby", Standby = true }));
        Rotate(Next);
        Certify("manager", Next);
        _harness.Settle();
        Assert.NotNull(Root.RootRotation);

        _harness.Call(new RemoveManager("standby"));
        _harness.Settle();

        Assert.Null(Root.RootRotation);
    }

    [Fact]
    public void A_host_without_engine_shows_what_its_manager_says_and_is_told_nothing()
    {
        _harness.Call(new HostWithoutEngine("manager", "host", "10.0.0.1"));
        Assert.True(CertificateIssuer.Of(Old).HasIssued(_harness.State.Nodes["manager"].Description.TlsInfo));

        Rotate(Next);
        Assert.Empty(Told());
        Certify("manager", Next);
        _harness.Settle();

        Assert.Null(Root.RootRotation);
        Assert.True(CertificateIssuer.Of(Next).HasIssued(_harness.State.Nodes["manager"].Description.TlsInfo));
    }

    [Fact]
    public void A_removed_manager_does_not_come_back_with_its_certificate()
    {
        Assert.Equal(ControlError.NotFound, Assert.Throws<ControlException>(() => Certify("gone", Old)).Error);
    }

    private static ByteString NewRoot()
    {
        using var root = RootCertificateAuthority.Create(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return root.CertificatePem;
    }

    private static ByteString Key(string name) => ByteString.CopyFromUtf8($"key {name}");

    private static NodeTLSInfo TlsOf(ByteString rootPem)
    {
        var issuer = CertificateIssuer.Of(rootPem);
        return new NodeTLSInfo { TrustRoot = Old, CertIssuerSubject = issuer.Subject, CertIssuerPublicKey = issuer.PublicKey };
    }

    private void PutRoot(RootCA root)
    {
        var cluster = _harness.State.Cluster!.Clone();
        cluster.RootCa = root;
        _harness.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
        _harness.Settle();
    }

    private void Rotate(ByteString next, ByteString? key = null)
    {
        var root = Root.Clone();
        root.RootRotation = new RootRotation { CaCert = next, CaKey = key ?? ByteString.Empty };
        root.LastForcedRotation++;
        PutRoot(root);
    }

    private void AddNodes(int count)
    {
        for (var i = 1; i <= count; i++)
        {
            _harness.Call(new CertificateIssued($"node{i}", new Certificate { Cn = $"node{i}", Status = new IssuanceStatus { State = Issuance.Issued } }, NodeSpec.Types.Availability.Active));
            Arrive($"node{i}", Old);
        }
    }

    private void Arrive(string id, ByteString issuer) => _harness.Call(new NodeArrived(id, new NodeDescription { Hostname = id, TlsInfo = TlsOf(issuer) }, "10.0.1.1"));

    private void Renew(string id, ByteString issuer)
    {
        _harness.Call(new CertificateIssued(id, new Certificate { Cn = id, Status = new IssuanceStatus { State = Issuance.Issued } }, NodeSpec.Types.Availability.Active));
        Arrive(id, issuer);
    }

    private void Certify(string manager, ByteString issuer) => _harness.Call(new ManagerCertified(manager, TlsOf(issuer)));

    private List<string> Told() => [.. _harness.State.Nodes.Values.Where(n => n.Certificate?.Status?.State == Issuance.Rotate).Select(n => n.Id)];
}
