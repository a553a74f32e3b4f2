using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// Work on a log that no replica has open. A member that is to go on alone, or a state that comes back from a backup, gets a new group in a new
/// directory under a new raft id: whoever belonged to the old group speaks to an id that is nobody's any more, and the old log stays as it
/// was until the new one is complete.
/// </summary>
public static class OfflineLog
{
    private const ulong PageBytes = 4 << 20;

    /// <summary>
    /// Applies everything a log holds: what was committed, and what came after it, of which some may have been acknowledged by the leader without
    /// this member having heard so. Changes nothing on the disk.
    /// </summary>
    /// <returns>The index of the last entry.</returns>
    /// <exception cref="LogCorruptException">Something acknowledged is damaged or missing.</exception>
    /// <exception cref="LogVersionException">A format or key that is not known here, or another member's log.</exception>
    /// <exception cref="InvalidOperationException">There is no group.</exception>
    /// <exception cref="IOException">The disk fails, or a process has the directory.</exception>
    public static ulong Replay(ReplicaOptions options, IStateMachine machine, ILogger logger)
    {
        using var directoryLock = Lock(options.Files, options.Directory);
        using var store = LogStoreOpener.Start(
            options with { Start = ReplicaStart.Existing, Files = new ReadOnlyFileSystem(options.Files) }, machine, logger);
        if (store.Snapshot.Index > 0)
        {
            using var content = store.OpenSnapshot(store.Snapshot);
            machine.Restore(store.Snapshot.Index, content);
        }
        for (var index = store.Snapshot.Index + 1; index <= store.LastIndex;)
        {
            foreach (var entry in store.Entries(index, store.LastIndex + 1, PageBytes))
            {
                if (entry.Kind == EntryKind.Normal && !entry.Data.IsEmpty)
                    machine.Apply(entry.Index, entry.Data);
                index = entry.Index + 1;
            }
        }
        return store.LastIndex;
    }

    /// <summary>Fails if a process has the log open.</summary>
    /// <exception cref="IOException">One has.</exception>
    public static void RequireClosed(IFileSystem files, string directory) => Lock(files, directory)?.Dispose();

    /// <summary>Begins a group with the options' member as its only voter and the machine's present state as its beginning. Durable when it returns.</summary>
    /// <exception cref="InvalidOperationException">There is a group already.</exception>
    /// <exception cref="IOException">The disk fails or is full; there is no group then.</exception>
    public static void Begin(ReplicaOptions options, IStateMachine machine, ILogger logger)
    {
        options.Files.CreateDirectory(options.Directory);
        using var directoryLock = options.Files.Lock(Path.Combine(options.Directory, Replica.LockName));
        using var store = LogStoreOpener.Start(options with { Start = ReplicaStart.NewGroup }, machine, logger);
        store.Close();
    }

    private static IDisposable? Lock(IFileSystem files, string directory)
    {
        var path = Path.Combine(directory, Replica.LockName);
        try
        {
            return files.Exists(path) ? files.Lock(path) : null;
        }
        catch (IOException e)
        {
            throw new IOException($"{directory} is in use: stop the skepd that runs on it ({e.Message})", e);
        }
    }
}
