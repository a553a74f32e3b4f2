using Google.Protobuf;
using Skep.Manager;
using Skep.State;

namespace Skep.Simulation.Mutants;

/// <summary>A leader gives an address to one more task now and then.</summary>
internal sealed class GivesAddressesTwice : Seams
{
    private readonly Dictionary<string, Attachment> _given = [];
    private int _count;

    public override IProposer Proposer(IProposer proposer) => new BatchChanger(proposer, batch =>
    {
        foreach (var allocate in batch.Mutations.Where(m => m.AllocateTask is { Attachments.Count: > 0 }).Select(m => m.AllocateTask))
        {
            if (++_count % 10 == 0)
                allocate.Attachments[0] = _given[allocate.Attachments[0].NetworkId].Clone();
            _given[allocate.Attachments[0].NetworkId] = allocate.Attachments[0];
        }
    });
}

/// <summary>A leader publishes the same port for every service that gets one by chance.</summary>
internal sealed class PublishesPortsTwice : Seams
{
    public override IProposer Proposer(IProposer proposer) => new BatchChanger(proposer, batch =>
    {
        foreach (var port in batch.Mutations.Where(m => m.PutService is not null).SelectMany(m => m.PutService.Service.Endpoint?.Ports ?? []))
        {
            if (port.PublishedPort >= 30_000)
                port.PublishedPort = 30_000;
        }
    });
}

/// <summary>A leader makes two tasks for one slot now and then.</summary>
internal sealed class FillsSlotsTwice : Seams
{
    private int _count;

    public override IProposer Proposer(IProposer proposer) => new BatchChanger(proposer, batch =>
    {
        foreach (var create in batch.Mutations.Where(m => m.CreateTasks is { Tasks.Count: > 1 }).Select(m => m.CreateTasks))
        {
            if (create.Tasks[1].Slot > 0 && ++_count % 3 == 0)
                create.Tasks[1].Slot = create.Tasks[0].Slot;
        }
    });
}

/// <summary>Changes a batch on its way to the log.</summary>
internal sealed class BatchChanger(IProposer proposer, Action<Batch> change) : IProposer, IProposalSequence
{
    private IProposalSequence? _sequence;

    public IProposalSequence BeginSequence()
    {
        _sequence = proposer.BeginSequence();
        return this;
    }

    public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
    {
        var batch = Batch.Parser.ParseFrom(entry.Span);
        change(batch);
        return _sequence!.ProposeAsync(batch.ToByteArray(), null, cancellation);
    }

    public bool NeedsReadBarrier => proposer.NeedsReadBarrier;

    public Task ReadBarrierAsync(CancellationToken cancellation) => proposer.ReadBarrierAsync(cancellation);
}
