namespace Skep.Log;

/// <summary>
/// What the log is for. All calls come from one thread, the replica's own, which writes nothing meanwhile: return soon.
/// An exception stops the replica: members that apply differently would drift apart.
/// </summary>
public interface IStateMachine
{
    /// <summary>Applies one committed entry. Indexes rise, with gaps where the log had entries of its own.</summary>
    /// <param name="entry">What was proposed, on this manager or another. May be kept; must not be changed.</param>
    void Apply(ulong index, ReadOnlyMemory<byte> entry);

    /// <summary>The same for an entry that was proposed here together with a note, which spares the machine the work that its proposer has done already.</summary>
    void ApplyOwn(ulong index, ReadOnlyMemory<byte> entry, object note) => Apply(index, entry);

    /// <summary>Takes hold of the state as it is now, by references to what does not change, in about a millisecond.</summary>
    ISnapshotWriter CaptureSnapshot();

    /// <summary>Replaces the whole state by one that was captured at an index. Called at start and when a snapshot of another manager is installed.</summary>
    void Restore(ulong index, Stream snapshot);
}
