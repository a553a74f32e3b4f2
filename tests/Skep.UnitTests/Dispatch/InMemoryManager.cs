using Microsoft.Extensions.Logging.Abstractions;
using Skep.Manager;
using Skep.State;

namespace Skep.UnitTests.Dispatch;

/// <summary>The real manager on a log that commits at once and can be made to refuse.</summary>
internal sealed class InMemoryManager : IManager, IProposer, IAsyncDisposable
{
    private readonly ManagerService _service;

    public InMemoryManager(TimeProvider time, params IRule[] rules)
    {
        _service = new ManagerService(new ManagerSelf("", ""), Store, this, () => rules, () => new byte[32], time, NullLogger<ManagerService>.Instance);
        _service.StartLeading();
    }

    public StateStore Store { get; } = new();

    public bool IsLeader => _service.IsLeader;

    /// <summary>Refuses what is submitted, as a manager without a leader does.</summary>
    public bool WithoutLeader { get; set; }

    public Task ReadBarrierAsync(CancellationToken cancellation = default) => Task.CompletedTask;

    public Task ProposeAsync(ReadOnlyMemory<byte> entry, CancellationToken cancellation)
    {
        Store.Apply(Batch.Parser.ParseFrom(entry.Span));
        return Task.CompletedTask;
    }

    public Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default) => WithoutLeader
        ? Task.FromException<TReply>(new ControlException(ControlError.Unavailable, "no leader"))
        : _service.SubmitAsync(input, cancellation);

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
