using Skep.Raft;

namespace Skep.Log;

/// <summary>What other threads may know of a replica; replaced as a whole after each turn of its thread.</summary>
internal sealed record ReplicaState(bool IsLeader, ulong Term, ulong LeaderId, ulong LastApplied, Membership Membership);
