using Google.Protobuf.WellKnownTypes;
using Skep.Manager;
using Skep.Security;
using Skep.State;
using Skep.Wire;
using Xunit;

namespace Skep.UnitTests.Security;

public class ClusterControlTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly SwarmLoop _loop = new(new ClusterState(), new IdSource(new byte[32]), [], Now);

    public ClusterControlTests() => Take(new InitCluster(ClusterFactory.Create(new ClusterSettings(), Now), new Skep.State.Manager { Id = "manager" }));

    private Cluster Current => _loop.State.Cluster!;

    [Fact]
    public void The_spec_is_replaced_and_tokens_stay()
    {
        var before = Current;
        var request = Request();
        request.Spec.Dispatcher.HeartbeatPeriod = Duration.FromTimeSpan(TimeSpan.FromSeconds(20));

        var answer = Update(request);

        Assert.Equal(20, Current.Spec.Dispatcher.HeartbeatPeriod.Seconds);
        Assert.Equal(before.RootCa, Current.RootCa);
        Assert.Equal(Current.Meta, answer.Meta);
        Assert.True(Current.Meta.Version.Index > before.Meta.Version.Index);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void One_token_is_rotated_and_the_other_stays(bool worker, bool manager)
    {
        var before = Current.RootCa.JoinTokens;
        var request = Request();
        request.Rotation = new KeyRotation { WorkerJoinToken = worker, ManagerJoinToken = manager };

        Update(request);

        var after = Current.RootCa.JoinTokens;
        Assert.Equal(worker, before.Worker != after.Worker);
        Assert.Equal(manager, before.Manager != after.Manager);
        Assert.True(JoinToken.Parse(worker ? after.Worker : after.Manager).IsOf(Current.RootCa.CaCert.Span));
    }

    [Fact]
    public void The_answer_has_no_keys()
    {
        var answer = Update(Request());

        Assert.True(answer.RootCa.CaKey.IsEmpty);
        Assert.False(Current.RootCa.CaKey.IsEmpty);
        Assert.Equal(Current.RootCa.JoinTokens, answer.RootCa.JoinTokens);
        Assert.Empty(answer.NetworkBootstrapKeys);
        Assert.Empty(answer.UnlockKeys);
    }

    [Fact]
    public void An_old_version_is_out_of_sequence()
    {
        var request = Request();
        Update(Request());

        Refused(request, ControlError.OutOfSequence, "update out of sequence");
    }

    [Fact]
    public void Impossible_updates_are_refused_in_stocks_words()
    {
        Refused(new UpdateClusterRequest(), ControlError.InvalidArgument, "invalid argument");
        Refused(Request(r => r.ClusterId = "other"), ControlError.NotFound, "cluster other not found");
        Refused(Request(r => r.Spec.Annotations.Name = "renamed"), ControlError.InvalidArgument, "modification of cluster name is not allowed");
        Refused(Request(r => r.Spec.CaConfig.NodeCertExpiry = Duration.FromTimeSpan(TimeSpan.FromMinutes(59))), ControlError.InvalidArgument, "minimum certificate expiry time is: 1h0m0s");
        Refused(Request(r => r.Spec.Dispatcher.HeartbeatPeriod = Duration.FromTimeSpan(TimeSpan.FromSeconds(-1))), ControlError.InvalidArgument, "heartbeat time period cannot be a negative duration");
        Refused(Request(r => r.Spec.Dispatcher.HeartbeatPeriod = new Duration { Seconds = 1, Nanos = -5 }), ControlError.InvalidArgument, "invalid argument");
    }

    [Fact]
    public void What_concerns_the_root_does_not_pass_without_being_worked_out_for_this_version()
    {
        var before = Current;

        Refused(Request(r => r.Spec.CaConfig.ForceRotate = 1), ControlError.OutOfSequence, "update out of sequence");
        Refused(Request(r => r.Spec.CaConfig.SigningCaCert = before.RootCa.CaCert), ControlError.OutOfSequence, "update out of sequence");
        Refused(Request(r => r.Spec.CaConfig.ExternalCas.Add(new ExternalCA { Url = "https://ca" })), ControlError.OutOfSequence, "update out of sequence");

        Assert.Same(before, Current);
    }

    [Fact]
    public void A_root_that_was_worked_out_takes_the_place_of_the_present_one_and_no_key_stays_in_the_spec()
    {
        var root = Current.RootCa.Clone();
        root.RootRotation = new RootRotation { CaCert = root.CaCert, CaKey = root.CaKey };
        var request = Request(r =>
        {
            r.Spec.CaConfig.SigningCaCert = root.CaCert;
            r.Spec.CaConfig.SigningCaKey = root.CaKey;
            r.RootCa = root;
        });

        var answer = Update(request);

        Assert.Equal(root, Current.RootCa);
        Assert.True(Current.Spec.CaConfig.SigningCaKey.IsEmpty);
        Assert.True(answer.RootCa.RootRotation.CaKey.IsEmpty);
    }

    [Fact]
    public void The_unlock_key_comes_and_goes_with_autolock_and_changes_when_asked_for()
    {
        byte[] Key() => UnlockKey.Of(Current).ToArray();
        Update(Request(r => r.Rotation = new KeyRotation { ManagerUnlockKey = true }));
        Assert.Empty(Current.UnlockKeys); // nothing to rotate

        var answer = Update(Request(r => r.Spec.EncryptionConfig.AutoLockManagers = true));
        Assert.Empty(answer.UnlockKeys);
        var first = Key();
        Assert.Equal(UnlockKey.Bytes, first.Length);
        Update(Request());
        Assert.Equal(first, Key());

        Update(Request(r => r.Rotation = new KeyRotation { ManagerUnlockKey = true }));
        Assert.Equal("swarm-manager", Assert.Single(Current.UnlockKeys).Subsystem);
        Assert.Equal(UnlockKey.Bytes, Key().Length);
        Assert.NotEqual(first, Key());

        Update(Request(r => r.Spec.EncryptionConfig.AutoLockManagers = false));
        Assert.Empty(Current.UnlockKeys);
    }

    [Fact]
    public void Removed_nodes_are_forgotten_a_week_after_their_certificate_ended()
    {
        var cluster = Current.Clone();
        cluster.BlacklistedCertificates.Add("long gone", new BlacklistedCertificate { Expiry = SwarmTime.ToWire(Now.AddDays(-8)) });
        cluster.BlacklistedCertificates.Add("just gone", new BlacklistedCertificate { Expiry = SwarmTime.ToWire(Now.AddDays(-6)) });
        cluster.BlacklistedCertificates.Add("for ever", new BlacklistedCertificate());
        _loop.State.Apply(new Batch { Format = ClusterState.Format, Time = SwarmTime.ToLog(Now), Mutations = { new Mutation { PutCluster = new PutCluster { Cluster = cluster } } } });

        Update(Request());

        Assert.Equal(["for ever", "just gone"], Current.BlacklistedCertificates.Keys.Order());
    }

    [Fact]
    public void A_node_that_was_removed_while_it_renewed_does_not_come_back()
    {
        var cluster = Current.Clone();
        cluster.BlacklistedCertificates.Add("gone", new BlacklistedCertificate());
        _loop.State.Apply(new Batch { Format = ClusterState.Format, Time = SwarmTime.ToLog(Now), Mutations = { new Mutation { PutCluster = new PutCluster { Cluster = cluster } } } });

        var answer = Take(new CertificateIssued("gone", new Certificate(), NodeSpec.Types.Availability.Active));

        Assert.Equal(ControlError.NotFound, answer.Refusal!.Error);
        Assert.Empty(_loop.State.Nodes);
    }

    private UpdateClusterRequest Request(Action<UpdateClusterRequest>? change = null)
    {
        var request = new UpdateClusterRequest { ClusterId = Current.Id, ClusterVersion = Current.Meta.Version.Clone(), Spec = Current.Spec.Clone() };
        change?.Invoke(request);
        return request;
    }

    private Answer Take(Input input) => _loop.Take(Now, [input]).Answers.Single();

    private Cluster Update(UpdateClusterRequest request)
    {
        var answer = Take(new ControlCall(request));
        Assert.Null(answer.Refusal);
        return ((UpdateClusterResponse)answer.Value!).Cluster;
    }

    private void Refused(UpdateClusterRequest request, ControlError error, string message)
    {
        var refusal = Take(new ControlCall(request)).Refusal;
        Assert.NotNull(refusal);
        Assert.Equal(message, refusal.Message);
        Assert.Equal(error, refusal.Error);
    }
}
