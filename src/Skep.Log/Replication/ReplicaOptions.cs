using System.Buffers.Binary;
using System.Security.Cryptography;
using Skep.Raft;

namespace Skep.Log;

/// <summary>How one member of the group runs.</summary>
public sealed record ReplicaOptions
{
    /// <summary>Where log and snapshots are; made with mode 0700. One replica at a time.</summary>
    public required string Directory { get; init; }

    /// <summary>This member's raft id; not zero.</summary>
    public required ulong NodeId { get; init; }

    public ReplicaStart Start { get; init; } = ReplicaStart.Existing;

    public LogOptions Log { get; init; } = new();

    /// <summary>Duration of one tick. With 10 ticks an election begins 1 to 2 s after the leader fell silent.</summary>
    public TimeSpan TickInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>See <see cref="RaftConfig.ElectionTicks"/>.</summary>
    public int ElectionTicks { get; init; } = 10;

    /// <summary>See <see cref="RaftConfig.HeartbeatTicks"/>.</summary>
    public int HeartbeatTicks { get; init; } = 1;

    /// <summary>See <see cref="RaftConfig.Seed"/>.</summary>
    public int Seed { get; init; } = RandomNumberGenerator.GetInt32(int.MaxValue);

    /// <summary>Applied entries after which a snapshot is taken.</summary>
    public ulong SnapshotInterval { get; init; } = 10_000;

    /// <summary>
    /// Bytes of applied entries after which a snapshot is taken, even before <see cref="SnapshotInterval"/>; after a snapshot that is larger, as many as that.
    /// </summary>
    public long SnapshotBytes { get; init; } = 16 << 20;

    /// <summary>A larger proposal is refused, in bytes.</summary>
    public int MaxProposalBytes { get; init; } = 16 << 20;

    /// <summary>Proposals, reads and messages waiting for the replica's thread. Proposals and reads wait for room, messages are dropped.</summary>
    public int MaxQueued { get; init; } = 4096;

    /// <summary>Proposals taken into one write, in bytes; at least one is taken.</summary>
    public long MaxBatchBytes { get; init; } = 8 << 20;

    /// <summary>Bytes proposed and not yet committed; more are refused.</summary>
    public ulong MaxUncommittedBytes { get; init; } = 64 << 20;

    /// <summary>How long nothing must have been written until <see cref="SyncMark"/> is synced itself.</summary>
    public TimeSpan IdleDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Called on the replica's thread: with true once this member leads and has applied everything earlier leaders committed, so that its state is
    /// the cluster's; with false as soon as it leads no more, before anything of the next leader is applied. Must return soon.
    /// </summary>
    public Action<bool, ulong>? LeadershipChanged { get; init; }

    /// <summary>Called on the replica's thread when another member, or nobody (0), leads as far as is known here. Must return soon.</summary>
    public Action<ulong>? LeaderChanged { get; init; }

    /// <summary>Called on the replica's thread after a committed change of the membership was applied.</summary>
    public Action<ConfChange, Membership>? MembershipChanged { get; init; }

    public IFileSystem Files { get; init; } = new DiskFileSystem();

    /// <summary>Seals what is written from now on. Must be said: nobody gets a readable log by forgetting it.</summary>
    public required IRecordCipher Cipher { get; init; }

    /// <summary>Opens what was sealed earlier with other keys. While there are any, everything is sealed anew with <see cref="Cipher"/>.</summary>
    public IReadOnlyList<IRecordCipher> OlderCiphers { get; init; } = [];

    /// <summary>
    /// Called on the replica's thread when nothing on disk needs any other cipher than this one any more, not even after a power failure: older keys may be
    /// thrown away. Must return soon.
    /// </summary>
    public Action<IRecordCipher>? OlderCiphersUnused { get; init; }

    /// <summary>Gives ids that no other log or snapshot file has; a seeded source in simulation.</summary>
    public Func<ulong> NewFileId { get; init; } = RandomId;

    private static ulong RandomId()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
