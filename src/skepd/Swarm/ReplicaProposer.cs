using Skep.Log;
using Skep.Manager;
using Skep.State;

namespace Skep.Daemon.Swarm;

/// <summary>The loop's way into the log.</summary>
internal sealed class ReplicaProposer : IProposer
{
    /// <summary>Set once, before this manager can lead.</summary>
    public Replica? Replica { get; set; }

    public IProposalSequence BeginSequence() => new Sequence(Replica ?? throw new InvalidOperationException("the log is not open yet"));

    public async Task ReadBarrierAsync(CancellationToken cancellation)
    {
        var replica = Replica ?? throw new InvalidOperationException("the log is not open yet");
        try
        {
            await replica.ReadBarrierAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NotLeaderException or ReplicaStoppedException)
        {
            throw new LeadershipLostException(e.Message, outcomeUnknown: false, e);
        }
    }

    private sealed class Sequence(Replica replica) : IProposalSequence
    {
        private readonly ProposalSequence _sequence = new();

        public async Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
        {
            try
            {
                await replica.ProposeAsync(entry, _sequence, made, cancellation).ConfigureAwait(false);
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
    }
}
