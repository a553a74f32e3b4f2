using Skep.Log;
using Skep.Manager;
using Skep.Raft;
using Skep.Simulation.Managers;
using Skep.State;

namespace Skep.Simulation.Mutants;

/// <summary>Files are never synced, whatever the caller is told.</summary>
internal sealed class SkipsSync : Seams
{
    public override IFileSystem Files(IFileSystem files) => new LyingFiles(files);
}

/// <summary>Answers are given when an entry is proposed, not when it is committed.</summary>
internal sealed class AnswersBeforeCommit : Seams
{
    public override IProposer Proposer(IProposer proposer) => new Hasty(proposer);

    private sealed class Hasty(IProposer proposer) : IProposer
    {
        public IProposalSequence BeginSequence() => new HastySequence(proposer.BeginSequence());

        public bool NeedsReadBarrier => proposer.NeedsReadBarrier;

        public Task ReadBarrierAsync(CancellationToken cancellation) => proposer.ReadBarrierAsync(cancellation);
    }

    private sealed class HastySequence(IProposalSequence sequence) : IProposalSequence
    {
        public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
        {
            _ = sequence.ProposeAsync(entry, made, cancellation);
            return Task.CompletedTask;
        }
    }
}

/// <summary>A member gives its vote to everybody who asks, also twice in a term.</summary>
internal sealed class VotesTwice : Seams
{
    public override Message Outgoing(Message message) =>
        message.Type is MessageType.VoteResponse or MessageType.PreVoteResponse ? message with { Reject = false } : message;
}

/// <summary>A member votes for candidates whose log lacks what it has.</summary>
internal sealed class VotesWithoutLogCheck : Seams
{
    public override Message Incoming(Message message) =>
        message.Type is MessageType.Vote or MessageType.PreVote ? message with { LogTerm = message.Term, Index = 1UL << 40 } : message;
}

/// <summary>One member passes over an entry now and then.</summary>
internal sealed class SkipsEntries : Seams
{
    public override IStateMachine Machine(IStateMachine machine, ManagerHost host) => host.Number == 1 ? new Careless(machine, times: 0) : machine;
}

/// <summary>One member applies an entry twice now and then.</summary>
internal sealed class AppliesTwice : Seams
{
    public override IStateMachine Machine(IStateMachine machine, ManagerHost host) => host.Number == 1 ? new Careless(machine, times: 2) : machine;
}

/// <summary>Applies each fiftieth entry another number of times than once.</summary>
internal sealed class Careless(IStateMachine machine, int times) : IStateMachine
{
    public void Apply(ulong index, ReadOnlyMemory<byte> entry)
    {
        for (var count = index % 50 == 0 ? times : 1; count > 0; count--)
            machine.Apply(index, entry);
    }

    public ISnapshotWriter CaptureSnapshot() => machine.CaptureSnapshot();

    public void Restore(ulong index, Stream snapshot) => machine.Restore(index, snapshot);
}
