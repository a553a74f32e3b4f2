using Skep.Raft;

namespace Skep.Log;

/// <summary>A member of the group as those see it who decide on leadership and membership. See <see cref="Replica"/>.</summary>
public interface IReplica
{
    bool IsLeader { get; }

    ulong LeaderId { get; }

    Membership Membership { get; }

    Task<Status> StatusAsync(CancellationToken cancellation = default);

    Task<ulong> ChangeMembershipAsync(ConfChange change, CancellationToken cancellation = default);

    Task<TransferStatus> TransferLeaderAsync(ulong target, CancellationToken cancellation = default);
}
