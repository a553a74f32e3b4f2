using Google.Protobuf;

namespace Skep.Manager.Control;

/// <summary>The cluster's unlock key: made when autolock is turned on, gone when it is turned off, changed when a new one is asked for.</summary>
internal static class UnlockKeys
{
    /// <summary>Makes the keys what the new spec wants. With autolock off there is nothing to rotate, and stock says nothing about it.</summary>
    public static void Update(Turn turn, Wire.Cluster cluster, bool rotate)
    {
        var present = cluster.UnlockKeys.FirstOrDefault(key => key.Subsystem == Wire.UnlockKey.Subsystem);
        var wanted = cluster.Spec.EncryptionConfig.AutoLockManagers;
        if (present is not null && wanted && !rotate)
            return;
        if (present is not null)
            cluster.UnlockKeys.Remove(present);
        if (wanted)
            cluster.UnlockKeys.Add(New(turn.Ids.NextBytes(Wire.UnlockKey.Bytes)));
    }

    private static Wire.EncryptionKey New(byte[] key) => new() { Subsystem = Wire.UnlockKey.Subsystem, Key = ByteString.CopyFrom(key) };
}
