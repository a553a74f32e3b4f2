namespace Skep.Log;

/// <summary>Limits of the log on disk and in memory. The defaults are SwarmKit's where it has them.</summary>
public sealed record LogOptions
{
    /// <summary>A segment that is longer is not appended to any more, in bytes. Whole segments are deleted, so this is also the grain of compaction.</summary>
    public long SegmentBytes { get; init; } = 16 << 20;

    /// <summary>Entry data held in memory; more is read back from disk, in bytes. Entries not yet applied are held whatever their size.</summary>
    public long MaxEntryDataBytes { get; init; } = 16 << 20;

    /// <summary>Entries before the newest snapshot that are kept for followers who lag a little, so that they need no snapshot.</summary>
    public ulong LogEntriesForSlowFollowers { get; init; } = 500;

    /// <summary>Snapshots kept beside the newest, with the log from the oldest of them on: should the newest be damaged, one of them is used.</summary>
    public int KeepOldSnapshots { get; init; }

    /// <summary>What of the log is at most written anew, in one frame, when its key changes, in bytes of entries. More waits until a snapshot has made it less.</summary>
    public ulong MaxResealedBytes { get; init; } = 32 << 20;
}
