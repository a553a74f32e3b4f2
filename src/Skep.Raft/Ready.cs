namespace Skep.Raft;

/// <summary>
/// What the application has to do. In this order: persist <see cref="Snapshot"/>, then <see cref="Entries"/>, then
/// <see cref="HardState"/>, in one synced write where <see cref="MustSync"/>; send <see cref="Messages"/>; install the
/// snapshot and apply <see cref="CommittedEntries"/>; answer <see cref="ReadStates"/> whose index is applied; call
/// <see cref="RawNode.Advance"/>. Between <see cref="RawNode.GetReady"/> and Advance the node may be ticked and stepped.
/// </summary>
public sealed class Ready
{
    /// <summary>Leader and role, if changed since the last Ready.</summary>
    public SoftState? SoftState { get; init; }

    /// <summary>If changed since the last Ready. Its Commit never exceeds what is persisted together with this Ready.</summary>
    public HardState? HardState { get; init; }

    /// <summary>
    /// To persist. The first may have an index that is stored already: everything from there on is replaced.
    /// </summary>
    public IReadOnlyList<Entry> Entries { get; init; } = [];

    /// <summary>
    /// To install: it replaces the whole log and the whole state of the application. The transport has received its content
    /// before it stepped the message.
    /// </summary>
    public SnapshotMetadata? Snapshot { get; init; }

    /// <summary>
    /// To apply, in order; all of them are persisted here already, so this may be done while the rest is being written.
    /// For each <see cref="EntryKind.ConfChange"/> call <see cref="RawNode.ApplyConfChange"/> before Advance.
    /// </summary>
    public IReadOnlyList<Entry> CommittedEntries { get; init; } = [];

    /// <summary>
    /// To send once everything above is persisted; those without <see cref="Message.AwaitsPersistence"/> may go before.
    /// </summary>
    public IReadOnlyList<Message> Messages { get; init; } = [];

    /// <summary>Reads that know their index now.</summary>
    public IReadOnlyList<ReadState> ReadStates { get; init; } = [];

    /// <summary>
    /// Entries, Snapshot, or HardState's Term or Vote must survive a power cut before messages are sent. False when only Commit moved.
    /// </summary>
    public bool MustSync { get; init; }
}
