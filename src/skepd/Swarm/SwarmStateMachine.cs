using Skep.Log;
using Skep.State;

namespace Skep.Daemon.Swarm;

/// <summary>What committed entries are applied to: the store that everybody reads.</summary>
internal sealed class SwarmStateMachine(StateStore store) : IStateMachine
{
    public void Apply(ulong index, ReadOnlyMemory<byte> entry) => store.Apply(Batch.Parser.ParseFrom(entry.Span));

    public ISnapshotWriter CaptureSnapshot() => new Writer(store.Capture());

    public void Restore(ulong index, Stream snapshot) => store.Reset(StateSnapshot.Read(snapshot));

    private sealed class Writer(StateSnapshot snapshot) : ISnapshotWriter
    {
        public void WriteTo(Stream stream) => snapshot.WriteTo(stream);

        public void Dispose()
        {
            // Only references are held.
        }
    }
}
