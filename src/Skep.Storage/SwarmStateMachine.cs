using Skep.Log;
using Skep.State;

namespace Skep.Storage;

/// <summary>What committed entries are applied to: the store that everybody reads.</summary>
public sealed class SwarmStateMachine(StateStore store) : IStateMachine
{
    /// <exception cref="StateFormatException">A newer skepd wrote the entry.</exception>
    /// <exception cref="StateDivergedException">It does not fit the state.</exception>
    public void Apply(ulong index, ReadOnlyMemory<byte> entry)
    {
        var batch = Batch.Parser.ParseFrom(entry.Span);
        if (batch.Format > ClusterState.Format)
            throw new StateFormatException($"log entry {index}", batch.Format, ClusterState.Format);
        store.Apply(batch);
    }

    public void ApplyOwn(ulong index, ReadOnlyMemory<byte> entry, object note)
    {
        if (!store.TryTakeOver((BatchChanges)note))
            Apply(index, entry);
    }

    public ISnapshotWriter CaptureSnapshot() => new Writer(store.Capture());

    /// <exception cref="StateFormatException">A newer skepd wrote the snapshot.</exception>
    /// <exception cref="SnapshotDamagedException">It cannot be read.</exception>
    public void Restore(ulong index, Stream snapshot) => store.Reset(StateSnapshot.Read(snapshot, $"snapshot of log entry {index}"));

    private sealed class Writer(StateSnapshot snapshot) : ISnapshotWriter
    {
        public void WriteTo(Stream stream) => snapshot.WriteTo(stream);

        public void Dispose()
        {
            // Only references are held.
        }
    }
}
