using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Skep.Manager;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager;

/// <summary>The promise around the loop: nothing is told before it is committed.</summary>
public sealed class ManagerServiceTests : IAsyncDisposable
{
    private readonly StateStore _store = new();
    private readonly HeldLog _log;
    private readonly ManagerService _service;

    public ManagerServiceTests()
    {
        _log = new HeldLog(_store);
        _service = new ManagerService(new ManagerSelf("", ""), _store, _log, () => [], () => new byte[32], new FakeTimeProvider(), NullLogger<ManagerService>.Instance);
        _service.StartLeading();
    }

    [Fact]
    public async Task An_answer_waits_for_the_commit()
    {
        var answer = _service.SubmitAsync(Join("n1"));
        await _log.ProposedAsync(1);
        Assert.False(answer.IsCompleted);
        Assert.Empty(_store.Read(s => s.Nodes));
        _log.Commit();
        await answer.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Contains("n1", _store.Read(s => s.Nodes.Keys.ToList()));
    }

    [Fact]
    public async Task Inputs_that_change_more_than_an_entry_may_hold_are_spread_over_turns()
    {
        var first = _service.SubmitAsync(Join("n0"));
        await _log.ProposedAsync(1);
        // What waits while a turn is taken comes into the next together: 20 MB in all.
        var description = new Wire.NodeDescription { Hostname = new string('h', 1 << 20) };
        var others = Enumerable.Range(1, 20).Select(i => _service.SubmitAsync(new CertificateIssued($"n{i}", new Wire.Certificate { Cn = description.Hostname }, default))).ToList();
        var all = Task.WhenAll([first, .. others]);
        for (var i = 0; i < 500 && !all.IsCompleted; i++)
        {
            _log.CommitAll();
            await Task.Delay(10);
        }
        await all.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.InRange(_log.LargestEntry, 1 << 20, 8 << 20);
    }

    [Fact]
    public async Task An_api_call_is_in_the_next_turn_however_many_nodes_wait()
    {
        // As many batches as may be are on their way to the log; what comes now waits for one of them.
        var answers = new List<Task>();
        for (var i = 1; i <= LeaderTerm.MaxInFlight; i++)
        {
            answers.Add(_service.SubmitAsync(Join($"n{i}")));
            await _log.ProposedAsync(i);
        }
        answers.AddRange(Enumerable.Range(0, 10_000).Select(i => _service.SubmitAsync(Join($"later{i}"))));
        var call = _service.SubmitAsync(new ControlCall(new Wire.CreateSecretRequest { Spec = new Wire.SecretSpec { Annotations = new Wire.Annotations { Name = "s" }, Data = Google.Protobuf.ByteString.CopyFromUtf8("x") } }));
        _log.Commit();
        await _log.ProposedAsync(LeaderTerm.MaxInFlight + 1);
        for (var i = 0; i < LeaderTerm.MaxInFlight; i++)
            _log.Commit();
        await call.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.NotEmpty(_store.Read(s => s.Secrets));
        Assert.InRange(_store.Read(s => s.Nodes.Count), LeaderTerm.MaxInFlight, 10_000);
        var all = Task.WhenAll(answers);
        for (var i = 0; i < 500 && !all.IsCompleted; i++)
        {
            _log.CommitAll();
            await Task.Delay(10);
        }
        await all.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task The_next_turn_does_not_wait_for_the_commit_and_sees_what_was_decided()
    {
        var first = _service.SubmitAsync(Join("n1"));
        await _log.ProposedAsync(1);
        var second = _service.SubmitAsync(new NodeArrived("n1", null, "192.0.2.1"));
        await _log.ProposedAsync(2);
        Assert.False(first.IsCompleted || second.IsCompleted);
        _log.Commit();
        _log.Commit();
        await Task.WhenAll(first, second).WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(Wire.NodeStatus.Types.State.Ready, _store.Read(s => s.Nodes["n1"].Status.State));
    }

    [Fact]
    public async Task A_refusal_that_rests_on_an_uncommitted_change_waits_for_it()
    {
        _ = _service.SubmitAsync(new InitCluster(new Wire.Cluster { Id = "c" }, new Skep.State.Manager { Id = "m" }));
        await _log.ProposedAsync(1);
        var refused = _service.SubmitAsync(new InitCluster(new Wire.Cluster { Id = "d" }, new Skep.State.Manager { Id = "m" }));
        await Task.Delay(50);
        Assert.False(refused.IsCompleted);
        _log.Commit();
        await Assert.ThrowsAsync<ControlException>(() => refused.WaitAsync(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task A_leader_that_was_deposed_without_knowing_refuses_nothing_by_its_old_state()
    {
        _log.Deposed = true;
        var refused = await Assert.ThrowsAsync<ControlException>(() => _service.SubmitAsync(new NodeArrived("nobody", null, "")).WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(ControlError.Unavailable, refused.Error);
        _log.Deposed = false;
        refused = await Assert.ThrowsAsync<ControlException>(() => _service.SubmitAsync(new NodeArrived("nobody", null, "")).WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(ControlError.NotFound, refused.Error);
    }

    [Fact]
    public async Task A_lost_leadership_fails_what_waits_and_forgets_what_was_decided()
    {
        var answer = _service.SubmitAsync(Join("n1"));
        await _log.ProposedAsync(1);
        _log.Lose();
        var failed = await Assert.ThrowsAsync<ControlException>(() => answer.WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(ControlError.Unavailable, failed.Error);
        Assert.False(_service.IsLeader);
        var later = await Assert.ThrowsAsync<ControlException>(() => _service.SubmitAsync(Join("n2")));
        Assert.Contains("does not have a leader", later.Message, StringComparison.Ordinal);

        _service.StartLeading();
        var again = _service.SubmitAsync(Join("n1"));
        await _log.ProposedAsync(2);
        _log.Commit();
        await again.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task One_poisoned_input_is_refused_and_the_loop_lives_on()
    {
        var poisoned = await Assert.ThrowsAsync<ControlException>(() => _service.SubmitAsync(new CertificateIssued("n1", null!, default)).WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(ControlError.Internal, poisoned.Error);
        var answer = _service.SubmitAsync(Join("n1"));
        await _log.ProposedAsync(1);
        _log.Commit();
        await answer.WaitAsync(TimeSpan.FromSeconds(5));
    }

    public async ValueTask DisposeAsync()
    {
        _log.Lose();
        await _service.DisposeAsync();
        _store.Dispose();
    }

    private static CertificateIssued Join(string nodeId) => new(nodeId, new Wire.Certificate { Cn = nodeId }, default);

    /// <summary>A log that commits when it is told to.</summary>
    private sealed class HeldLog(StateStore store) : IProposer, IProposalSequence
    {
        private readonly Lock _lock = new();
        private readonly Queue<(Batch Batch, TaskCompletionSource Done)> _held = new();
        private int _proposed;

        public int LargestEntry { get; private set; }

        /// <summary>Others have another leader, and this manager has not heard of it.</summary>
        public bool Deposed { get; set; }

        public Task ReadBarrierAsync(CancellationToken cancellation) =>
            Deposed ? Task.FromException(new LeadershipLostException("the raft leader did not answer", outcomeUnknown: false)) : Task.CompletedTask;

        public IProposalSequence BeginSequence() => this;

        public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
        {
            lock (_lock)
            {
                _proposed++;
                LargestEntry = Math.Max(LargestEntry, entry.Length);
                var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _held.Enqueue((Batch.Parser.ParseFrom(entry.Span), done));
                return done.Task;
            }
        }

        public async Task ProposedAsync(int count)
        {
            for (var i = 0; i < 500; i++)
            {
                lock (_lock)
                {
                    if (_proposed >= count)
                        return;
                }
                await Task.Delay(10);
            }
            Assert.Fail($"no {count} batches were proposed");
        }

        public void Commit()
        {
            lock (_lock)
            {
                var (batch, done) = _held.Dequeue();
                store.Apply(batch);
                done.SetResult();
            }
        }

        public void CommitAll()
        {
            lock (_lock)
            {
                while (_held.Count > 0)
                    Commit();
            }
        }

        public void Lose()
        {
            lock (_lock)
            {
                while (_held.TryDequeue(out var held))
                    held.Done.SetException(new LeadershipLostException("another manager leads", outcomeUnknown: true));
            }
        }
    }
}
