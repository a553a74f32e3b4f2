using Skep.Log;
using Skep.Manager;
using Skep.State;

namespace Skep.Daemon.Swarm;

/// <summary>The loop's way into the log.</summary>
internal sealed class ReplicaProposer : IProposer
{
    /// <summary>Set once, before this manager can lead.</summary>
    public Replica? Replica { get; set; }

    private Replica Opened => Replica ?? throw new InvalidOperationException("the log is not open yet");

    public IProposalSequence BeginSequence() => new Sequence(Opened);

    public bool NeedsReadBarrier => !Opened.LeadsAlone;

    public Task ReadBarrierAsync(CancellationToken cancellation) => TranslateAsync(Opened.ReadBarrierAsync(cancellation));

    /// <summary>What the log was asked for, its refusals in the loop's words.</summary>
    /// <exception cref="LeadershipLostException">The log refused.</exception>
    public static async Task TranslateAsync(Task asked)
    {
        try
        {
            await asked;
        }
        catch (ProposalDroppedException e)
        {
            throw new LeadershipLostException(e.Message, e.OutcomeUnknown, e);
        }
        catch (Exception e) when (e is NotLeaderException or ReplicaStoppedException)
        {
            throw new LeadershipLostException(e.Message, outcomeUnknown: false, e);
        }
    }

    private sealed class Sequence(Replica replica) : IProposalSequence
    {
        private readonly ProposalSequence _sequence = new();

        // Awaited here, so that what the log finds wrong with an entry is thrown where its outcome is awaited.
        public async Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation) =>
            await TranslateAsync(replica.ProposeAsync(entry, _sequence, made, cancellation));
    }
}
