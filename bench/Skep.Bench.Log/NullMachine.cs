using Skep.Log;

namespace Skep.Bench.Log;

/// <summary>Counts entries; its snapshots are as large as told, to see what writing them costs beside the work.</summary>
internal sealed class NullMachine : IStateMachine
{
    public long Applied { get; private set; }

    public long SnapshotBytes { get; set; }

    public void Apply(ulong index, ReadOnlyMemory<byte> entry) => Applied++;

    public ISnapshotWriter CaptureSnapshot() => new Writer(SnapshotBytes);

    public void Restore(ulong index, Stream snapshot) => snapshot.CopyTo(Stream.Null);

    private sealed class Writer(long bytes) : ISnapshotWriter
    {
        public void WriteTo(Stream stream)
        {
            var block = new byte[64 << 10];
            for (var written = 0L; written < bytes; written += block.Length)
                stream.Write(block);
        }

        public void Dispose()
        {
        }
    }
}
