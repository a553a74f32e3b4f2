using System.Text;
using Microsoft.Extensions.Logging;
using Skep.Log;

namespace Skep.UnitTests.Log;

/// <summary>The replica's loop without its thread: snapshots are written at once, everything is done when a call returns.</summary>
internal sealed class SteppedReplica : IDisposable
{
    private readonly LogStore _store;

    public SteppedReplica(ReplicaOptions options, ILogger logger)
    {
        _store = LogStoreOpener.Start(options, Machine, logger);
        ReplicaLoop? loop = null;
        loop = Loop = new ReplicaLoop(options, Machine, null, _store, (metadata, captured) =>
        {
            using (captured)
                _store.WriteSnapshot(metadata, captured.WriteTo, CancellationToken.None);
            loop!.SnapshotFinished(metadata, null);
        }, logger);
        Loop.Start();
    }

    /// <summary>What managers seal with, under a key that is always the same.</summary>
    public static IRecordCipher Cipher { get; } = new AesGcmRecordCipher(new byte[AesGcmRecordCipher.KeyBytes]);

    public ListMachine Machine { get; } = new();

    public ReplicaLoop Loop { get; }

    public LogStore Store => _store;

    /// <summary>Options small enough that a short run uses several segments and snapshots.</summary>
    public static ReplicaOptions Options(SimulatedFileSystem files, ReplicaStart start = ReplicaStart.Existing) => new()
    {
        Directory = "/raft",
        NodeId = 1,
        Start = start,
        Files = files,
        Seed = 1,
        Cipher = Cipher,
        NewFileId = new Sequence().Next,
        SnapshotInterval = 20,
        Log = new LogOptions { SegmentBytes = 700, LogEntriesForSlowFollowers = 5 },
    };

    /// <summary>Proposes in one batch, adding what was acknowledged to the list.</summary>
    public void Propose(IReadOnlyList<string> entries, List<string> acknowledged)
    {
        var completions = entries.Select(e =>
        {
            var completion = new TaskCompletionSource<ulong>();
            Loop.Propose(Encoding.UTF8.GetBytes(e), completion);
            return completion;
        }).ToList();
        try
        {
            Loop.Process();
        }
        finally
        {
            for (var i = 0; i < completions.Count; i++)
            {
                if (completions[i].Task.IsCompletedSuccessfully)
                    acknowledged.Add(entries[i]);
            }
        }
    }

    public void Dispose() => _store.Dispose();

    private sealed class Sequence
    {
        private ulong _next = 0x5eed;

        public ulong Next() => _next++;
    }
}
