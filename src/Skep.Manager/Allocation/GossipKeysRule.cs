using System.Buffers.Binary;
using Skep.State;

namespace Skep.Manager.Allocation;

/// <summary>
/// The keys with which engines encrypt their gossip and their overlay traffic: three per subsystem, made with the cluster; every
/// 12 hours a new one comes and the oldest goes. Engines send with the second newest, so that everyone has a key before it is
/// used, and still accept the third. As SwarmKit's key manager.
/// </summary>
public sealed class GossipKeysRule : IRule
{
    private const int KeysPerSubsystem = 3;
    private const int KeyBytes = 16;

    public static readonly TimeSpan RotationInterval = TimeSpan.FromHours(12);

    private static readonly string[] Subsystems = ["networking:gossip", "networking:ipsec"];

    private bool _isMissing;

    public bool HasWork => _isMissing;

    public DateTimeOffset? NextDue { get; private set; }

    // The state does not say when keys were rotated last; like stock, a new leader starts to count anew.
    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        NextDue = state.Cluster is null ? null : now + RotationInterval;
        _isMissing = state.Cluster is { NetworkBootstrapKeys.Count: 0 };
    }

    public void Note(Change change)
    {
        if (change is ClusterChange { New.NetworkBootstrapKeys.Count: 0 })
            _isMissing = true;
    }

    public void Run(Turn turn)
    {
        if (turn.State.Cluster is not { } cluster)
            return;
        if (_isMissing)
            PutKeys(turn, cluster, BinaryPrimitives.ReadUInt16BigEndian(turn.Ids.NextBytes(2)), KeysPerSubsystem);
        else if (NextDue <= turn.Now)
            PutKeys(turn, cluster, cluster.EncryptionKeyLamportClock, 1);
        else
            return;
        _isMissing = false;
        NextDue = turn.Now + RotationInterval;
    }

    private static void PutKeys(Turn turn, Wire.Cluster cluster, ulong clock, int count)
    {
        var changed = cluster.Clone();
        changed.NetworkBootstrapKeys.Clear();
        foreach (var subsystem in Subsystems)
        {
            var keys = cluster.NetworkBootstrapKeys.Where(k => k.Subsystem == subsystem).OrderBy(k => k.LamportTime).ToList();
            for (var i = 0; i < count; i++)
            {
                keys.Add(new Wire.EncryptionKey
                {
                    Subsystem = subsystem,
                    Algorithm = Wire.EncryptionKey.Types.Algorithm.Aes128Gcm,
                    Key = Google.Protobuf.ByteString.CopyFrom(turn.Ids.NextBytes(KeyBytes)),
                    LamportTime = ++clock,
                });
            }
            changed.NetworkBootstrapKeys.Add(keys.TakeLast(KeysPerSubsystem));
        }
        changed.EncryptionKeyLamportClock = clock;
        turn.Emit(new Mutation { PutCluster = new PutCluster { Cluster = changed } });
    }
}
