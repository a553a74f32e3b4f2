using System.Collections.Concurrent;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Skep.Log;
using Skep.Log.Transport;
using Skep.Raft;
using Skep.Rpc.Server;
using Skep.UnitTests.Rpc;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>Replicas on real disks that speak by real gRPC, without TLS, over the loopback.</summary>
public sealed class TransportTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("skep-transport-");
    private readonly ConcurrentDictionary<ulong, string> _addresses = new();
    private readonly Dictionary<ulong, Member> _members = [];

    [Fact]
    public async Task What_the_leader_commits_arrives_and_a_member_that_was_away_catches_up()
    {
        var leader = await StartAsync(1, ReplicaStart.NewGroup);
        Assert.True(leader.Replica.LeadsAlone);
        await AddVoterAsync(leader, await StartAsync(2, ReplicaStart.Join));
        Assert.False(leader.Replica.LeadsAlone);
        var third = await StartAsync(3, ReplicaStart.Join);
        await AddVoterAsync(leader, third);
        await ProposeAsync(leader, "a");
        await UntilAsync("all have it", () => _members.Values.All(member => member.Machine.Applied.SequenceEqual(["a"])));

        await StopAsync(third);
        await ProposeAsync(leader, "b");
        third = await StartAsync(3, ReplicaStart.Existing);
        await UntilAsync("the third has caught up", () => third.Machine.Applied.SequenceEqual(["a", "b"]));
        await third.Replica.ReadBarrierAsync().WaitAsync(Patience);
    }

    [Fact]
    public async Task A_new_member_of_an_old_group_gets_a_snapshot_of_many_parts()
    {
        var leader = await StartAsync(1, ReplicaStart.NewGroup, snapshotInterval: 20);
        var large = new string('x', 400_000);
        for (var i = 0; i < 30; i++)
            await ProposeAsync(leader, $"{i} {large}");
        await leader.Replica.ConfigureAsync(20, 0, 1);
        for (var i = 30; i < 60; i++)
            await ProposeAsync(leader, $"{i} {large}");
        var second = await StartAsync(2, ReplicaStart.Join);
        await AddVoterAsync(leader, second);
        await UntilAsync("the second has all", () => second.Machine.Applied.Count == 60);
        Assert.Equal(leader.Machine.Applied, second.Machine.Applied);
        Assert.True(second.Machine.Restores > 0);
        await ProposeAsync(leader, "after");
        await UntilAsync("and what came after", () => second.Machine.Applied[^1] == "after");
    }

    [Fact]
    public async Task The_leadership_passes_on_and_the_others_hear_of_it()
    {
        var leader = await StartAsync(1, ReplicaStart.NewGroup);
        var second = await StartAsync(2, ReplicaStart.Join);
        await AddVoterAsync(leader, second);
        await ProposeAsync(leader, "a");
        await leader.Replica.TransferLeaderAsync(2);
        await UntilAsync("the second leads", () => second.Replica.IsLeader);
        await ProposeAsync(second, "b");
        await UntilAsync("the first follows", () => leader.Machine.Applied.SequenceEqual(["a", "b"]));
        Assert.Equal(2UL, leader.Replica.LeaderId);
    }

    [Fact]
    public async Task A_message_for_another_member_is_refused()
    {
        var leader = await StartAsync(1, ReplicaStart.NewGroup);
        using var channel = GrpcChannel.ForAddress(_addresses[1]);
        using var call = new Skep.Log.Transport.Raft.RaftClient(channel).Send();
        await call.RequestStream.WriteAsync(new RaftMessages { Messages = { new RaftMessage { Type = (uint)MessageType.Heartbeat, From = 9, To = 8, Term = 99 } } });
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.True(leader.Replica.IsLeader);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members.Values.ToList())
            await StopAsync(member);
        _folder.Delete(recursive: true);
    }

    private static async Task AddVoterAsync(Member leader, Member member)
    {
        await leader.Replica.ChangeMembershipAsync(new ConfChange(ConfChangeKind.AddLearner, member.Id)).WaitAsync(Patience);
        await UntilAsync($"{member.Id} has caught up", async () => (await leader.Replica.StatusAsync()).Peers.Any(peer => peer.Id == member.Id && peer.Match > 0 && peer.PendingSnapshot == 0));
        await leader.Replica.ChangeMembershipAsync(new ConfChange(ConfChangeKind.AddVoter, member.Id)).WaitAsync(Patience);
    }

    private static Task<ulong> ProposeAsync(Member leader, string entry) => leader.Replica.ProposeAsync(Encoding.UTF8.GetBytes(entry)).WaitAsync(Patience);

    private async Task<Member> StartAsync(ulong id, ReplicaStart start, ulong snapshotInterval = 10_000)
    {
        var channels = new ConcurrentDictionary<string, GrpcChannel>();
        var transport = new GrpcTransport(to => _addresses.TryGetValue(to, out var address) ? channels.GetOrAdd(address, a => GrpcChannel.ForAddress(a)) : null, TimeProvider.System, new RecordingLogger());
        var machine = new ListMachine();
        var options = new ReplicaOptions
        {
            Directory = Path.Combine(_folder.FullName, $"{id}"),
            NodeId = id,
            Start = start,
            SnapshotInterval = snapshotInterval,
            Cipher = PlainRecordCipher.Instance,
        };
        var replica = await Replica.OpenAsync(options, machine, TimeProvider.System, transport, new RecordingLogger());
        var service = new RaftService(replica, id, new RecordingLogger());
        var server = PlainServer.Start(new MethodTable().Add(binder => Skep.Log.Transport.Raft.BindService(binder, service), RaftService.MaxMessageBytes));
        transport.Attach(replica);
        _addresses[id] = $"http://{server.EndPoint}";
        return _members[id] = new Member(id, replica, machine, transport, server);
    }

    private async Task StopAsync(Member member)
    {
        _members.Remove(member.Id);
        await member.Server.DisposeAsync();
        await member.Replica.DisposeAsync();
        await member.Transport.DisposeAsync();
    }

    private static Task UntilAsync(string what, Func<bool> condition) => UntilAsync(what, () => Task.FromResult(condition()));

    private static async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        for (var i = 0; i < 1_500; i++)
        {
            if (await condition())
                return;
            await Task.Delay(20);
        }
        Assert.Fail($"waited in vain until {what}");
    }

    private sealed record Member(ulong Id, Replica Replica, ListMachine Machine, GrpcTransport Transport, RpcServer Server);
}
