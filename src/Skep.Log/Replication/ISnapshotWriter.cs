namespace Skep.Log;

/// <summary>A state taken hold of by <see cref="IStateMachine.CaptureSnapshot"/>. Disposed when it is written or given up.</summary>
public interface ISnapshotWriter : IDisposable
{
    /// <summary>Writes all of it. Runs on a thread of its own while the state machine goes on.</summary>
    void WriteTo(Stream stream);
}
