using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Manager;
using Skep.State;

namespace Skep.UnitTests.Dispatch;

/// <summary>The real manager on a log that commits at once and can be made to refuse.</summary>
internal sealed class InMemoryManager : IManager, IProposer, IProposalSequence, IAsyncDisposable
{
    private readonly ManagerService _service;

    public InMemoryManager(TimeProvider time, params IRule[] rules)
    {
        _service = new ManagerService(Self, Store, this, () => rules, () => new byte[32], time, NullLogger<ManagerService>.Instance);
        _service.StartLeading();
    }

    public ManagerSelf Self { get; } = new("m", "run");

    public StateStore Store { get; } = new();

    public bool IsLeader => _service.IsLeader;

    /// <summary>Refuses what is submitted, as a manager without a leader does.</summary>
    public bool WithoutLeader { get; set; }

    /// <summary>What a read barrier waits for.</summary>
    public Func<Task> CatchUp { get; set; } = () => Task.CompletedTask;

    /// <summary>Everything that was submitted, refused or not.</summary>
    public ConcurrentQueue<Input> Submitted { get; } = [];

    public Task ReadBarrierAsync(CancellationToken cancellation = default) => CatchUp();

    public IProposalSequence BeginSequence() => this;

    public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
    {
        Store.Apply(Batch.Parser.ParseFrom(entry.Span));
        return Task.CompletedTask;
    }

    /// <summary>Refuses single inputs; null: takes it.</summary>
    public Func<Input, ControlException?> Refuse { get; set; } = _ => null;

    /// <summary>What a single input waits for before it is taken.</summary>
    public Func<Input, Task> Way { get; set; } = _ => Task.CompletedTask;

    /// <summary>What the answer to a single input waits for, once that is committed.</summary>
    public Func<Input, Task> WayBack { get; set; } = _ => Task.CompletedTask;

    public async Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default)
    {
        Submitted.Enqueue(input);
        if (WithoutLeader)
            throw new ControlException(ControlError.Unavailable, "no leader");
        if (Refuse(input) is { } refusal)
            throw refusal;
        await Way(input).WaitAsync(cancellation);
        var answer = await _service.SubmitAsync(input, cancellation);
        await WayBack(input).WaitAsync(cancellation);
        return answer;
    }

    /// <summary>Commits mutations past the loop, as a leader elsewhere would; the loop here knows of them after <see cref="NewTermAsync"/>.</summary>
    public void Commit(params Mutation[] mutations)
    {
        var batch = new Batch { Format = ClusterState.Format };
        batch.Mutations.AddRange(mutations);
        Store.Apply(batch);
    }

    /// <summary>The loop begins anew from what is committed.</summary>
    public async Task NewTermAsync()
    {
        await _service.StopLeadingAsync();
        _service.StartLeading();
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        Store.Dispose();
    }
}
