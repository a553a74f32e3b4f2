using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Skep.Manager;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager;

/// <summary>A manager that follows hands its inputs to the leader of the day.</summary>
public sealed class ForwardingTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider _time = new();
    private readonly StateStore _leaderStore = new();
    private readonly StateStore _store = new();
    private readonly Queue<Batch> _underWay = new();
    private readonly Link _link = new();
    private readonly ManagerService _leader;
    private readonly ManagerService _follower;

    public ForwardingTests()
    {
        _leader = new ManagerService(new ManagerSelf("leader", "r1"), _leaderStore, new Log(this, _leaderStore), () => [], () => new byte[32], _time, NullLogger<ManagerService>.Instance);
        _follower = new ManagerService(new ManagerSelf("follower", "r2"), _store, new Log(this, _store), () => [], () => new byte[32], _time, NullLogger<ManagerService>.Instance, _link);
        _leader.StartLeading();
        _link.Leader = _leader;
    }

    [Fact]
    public async Task Who_writes_at_a_follower_gets_his_answer_when_he_can_read_it_there()
    {
        var answer = _follower.SubmitAsync(Join("n1"));
        await UntilAsync(() => _leaderStore.Read(s => s.Nodes.ContainsKey("n1")));
        await Task.Delay(50);
        Assert.False(answer.IsCompleted);
        Deliver();
        await answer.WaitAsync(Patience);
        Assert.True(_store.Read(s => s.Nodes.ContainsKey("n1")));
    }

    [Fact]
    public async Task What_nobody_took_waits_for_the_next_leader()
    {
        await _leader.StopLeadingAsync();
        var answer = _follower.SubmitAsync(Join("n1"));
        await UntilAsync(() => _link.Waits > 2);
        Assert.False(answer.IsCompleted);
        Deliver();
        _follower.StartLeading();
        await answer.WaitAsync(Patience);
        Assert.True(_store.Read(s => s.Nodes.ContainsKey("n1")));
    }

    [Fact]
    public async Task A_refusal_by_the_leader_is_one_here()
    {
        var refused = await Assert.ThrowsAsync<ControlException>(() => _follower.SubmitAsync(new NodeArrived("nobody", null, "")).WaitAsync(Patience));
        Assert.Equal(ControlError.NotFound, refused.Error);
    }

    [Fact]
    public async Task What_may_have_been_done_is_not_done_again()
    {
        _link.LosesAnswers = true;
        var unknown = await Assert.ThrowsAsync<ControlException>(() => _follower.SubmitAsync(Join("n1")).WaitAsync(Patience));
        Assert.Equal(ControlError.Unavailable, unknown.Error);
        Assert.Equal(1, _link.Submits);
    }

    [Fact]
    public async Task Without_a_leader_patience_ends()
    {
        await _leader.StopLeadingAsync();
        _link.Impatient = true;
        var refused = await Assert.ThrowsAsync<ControlException>(() => _follower.SubmitAsync(Join("n1")).WaitAsync(Patience));
        Assert.Contains("does not have a leader", refused.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _leader.DisposeAsync();
        await _follower.DisposeAsync();
        _leaderStore.Dispose();
        _store.Dispose();
    }

    private static CertificateIssued Join(string nodeId) => new(nodeId, new Wire.Certificate { Cn = nodeId }, default);

    /// <summary>The follower applies what the leader committed.</summary>
    private void Deliver()
    {
        lock (_underWay)
        {
            while (_underWay.TryDequeue(out var batch))
                _store.Apply(batch);
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }

    /// <summary>Commits at once; what the leader commits is under way to the follower.</summary>
    private sealed class Log(ForwardingTests test, StateStore store) : IProposer, IProposalSequence
    {
        public Task ReadBarrierAsync(CancellationToken cancellation) => Task.CompletedTask;

        public IProposalSequence BeginSequence() => this;

        public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
        {
            var batch = Batch.Parser.ParseFrom(entry.Span);
            store.Apply(batch);
            if (store == test._leaderStore)
            {
                lock (test._underWay)
                    test._underWay.Enqueue(batch);
            }
            return Task.CompletedTask;
        }
    }

    private sealed class Link : ILeaderLink
    {
        public ManagerService? Leader { get; set; }

        public bool LosesAnswers { get; set; }

        public bool Impatient { get; set; }

        public int Submits { get; private set; }

        public int Waits { get; private set; }

        public async Task<LeaderAnswer> SubmitAsync(Input input, CancellationToken cancellation)
        {
            Submits++;
            var value = await Leader!.TakeAsync(input, cancellation);
            return LosesAnswers
                ? throw new ControlException(ControlError.Unavailable, "the leader was lost while the request waited; it may or may not have been done")
                : new LeaderAnswer(value, Leader.Store.Read(state => state.Version));
        }

        public async Task WaitForLeaderAsync(CancellationToken cancellation)
        {
            if (Impatient)
                throw ManagerService.NoLeader();
            Waits++;
            await Task.Delay(10, cancellation);
        }
    }
}
