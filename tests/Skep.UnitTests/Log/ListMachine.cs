using System.Text;
using Skep.Log;

namespace Skep.UnitTests.Log;

/// <summary>A state machine that remembers what was applied, in order.</summary>
public sealed class ListMachine : IStateMachine
{
    private readonly List<string> _applied = [];

    public IReadOnlyList<string> Applied
    {
        get
        {
            lock (_applied)
                return [.. _applied];
        }
    }

    public int Restores { get; private set; }

    /// <summary>Holds back the writing of snapshots.</summary>
    public ManualResetEventSlim SnapshotGate { get; } = new(true);

    public int Captures { get; private set; }

    public void Apply(ulong index, ReadOnlyMemory<byte> entry)
    {
        lock (_applied)
            _applied.Add(Encoding.UTF8.GetString(entry.Span));
    }

    public ISnapshotWriter CaptureSnapshot()
    {
        Captures++;
        return new Writer(Applied, SnapshotGate);
    }

    public void Restore(ulong index, Stream snapshot)
    {
        using var reader = new StreamReader(snapshot);
        lock (_applied)
        {
            _applied.Clear();
            while (reader.ReadLine() is { } line)
                _applied.Add(line);
        }
        Restores++;
    }

    private sealed class Writer(IReadOnlyList<string> applied, ManualResetEventSlim gate) : ISnapshotWriter
    {
        public void WriteTo(Stream stream)
        {
            gate.Wait();
            foreach (var line in applied)
                stream.Write(Encoding.UTF8.GetBytes(line + "\n"));
        }

        public void Dispose()
        {
        }
    }
}
